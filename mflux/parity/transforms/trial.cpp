#include "mflux/parity/transforms/trial.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/error.h"
#include "mflux/base/glob.h"
#include "mflux/base/nearest.h"
#include "mflux/parity/places.h"

namespace mflux::parity {
namespace {

using artifacts::Ranges;
using artifacts::Tensor;

bool is_named(const Row& row, const std::string& glob) {
  return glob_match(glob, row.ref->text) || glob_match(glob, without_step(row.ref->name)) ||
         glob_match(glob, row.port->text);
}

[[noreturn]] void refuse_name(const std::string& glob, const std::vector<Row>& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    if (row.port) {
      names.push_back(row.ref->text);
      names.push_back(without_step(row.ref->name));
    }
  }
  const auto match = nearest(glob, names);
  throw Error(fmt::format(
      "no checkpoint that both sides have matches \"{}\"{}",
      printable(glob),
      match.empty() ? "" : fmt::format("; did you mean {}?", printable(match))));
}

/// Which rows the globs name. Throws when one names nothing.
std::vector<bool> picked_rows(const std::vector<Row>& rows, const std::vector<std::string>& globs) {
  if (globs.empty() &&
      std::count_if(rows.begin(), rows.end(), [](const Row& row) { return row.port; }) > 1) {
    throw Error(fmt::format("{} checkpoints: name one, or several by a glob", rows.size()));
  }
  std::vector<bool> picked(rows.size());
  for (const auto& glob : globs.empty() ? std::vector<std::string>{"*"} : globs) {
    bool any = false;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].port && is_named(rows[i], glob)) {
        picked[i] = any = true;
      }
    }
    if (!any) {
      refuse_name(glob, rows);
    }
  }
  return picked;
}

class Retry {
 public:
  Retry(const Trial& trial, const CompareOptions& options)
      : trial_(trial),
        options_(options),
        rules_(rules_of(locate(options))),
        precision_(precision_of(trial.comparison.rows)) {
    if (trial.comparison.ref32) {
      partners_ = partners_of(trial.comparison.ref, *trial.comparison.ref32);
    }
  }

  Row again(const Row& before) const {
    Row row;
    row.ref = before.ref;
    row.port = before.port;
    row.by = before.by;
    try {
      const TensorPair pair = load(row);
      measure_pair(row, pair, rules_, options_.threads);
      measure_ref32(row, pair);
    } catch (const SliceError& error) {
      row.verdict = Verdict::shape;
      row.rule = "shapes must be equal";
      row.notes.push_back(error.what());
    }
    auto precision = precision_;
    if (!before.metrics) {
      add_precision(precision, row); // what SHAPE kept out
    }
    judge_row(row, rules_, precision, options_.max_ratio);
    return row;
  }

 private:
  TensorPair load(const Row& row) const {
    const auto& a = row.ref->slice;
    const auto& b = row.port->slice;
    if (a && b && *a != *b) {
      throw SliceError("both dumps hold a slice of this tensor, and not the same");
    }
    const auto& comparison = trial_.comparison;
    return {
        prepared(comparison.ref.load(*row.ref), a, b, Side::ref),
        prepared(comparison.port.load(*row.port), b, a, Side::port)};
  }

  /// The tensor, transformed if it is its side's turn, and then cut to what the other holds.
  Tensor prepared(
      Tensor tensor,
      const std::optional<Ranges>& own,
      const std::optional<Ranges>& other,
      Side side) const {
    if (side == trial_.side) {
      tensor = transformed(trial_.chain, tensor);
    }
    return other && !own ? cut(tensor, *other, side == Side::ref ? "reference" : "port") : tensor;
  }

  void measure_ref32(Row& row, const TensorPair& pair) const {
    const auto partner = partners_.find(row.ref);
    if (partner == partners_.end() || !has_noise(row)) {
      return;
    }
    try {
      const auto& crop = row.ref->slice ? row.ref->slice : row.port->slice;
      const Tensor ref32 = prepared(
          trial_.comparison.ref32->load(*partner->second), partner->second->slice, crop, Side::ref);
      if (ref32.shape != pair.ref.shape) {
        throw SliceError("ref32 has another shape");
      }
      measure_row_against(row, {pair.ref, pair.port, ref32}, options_.threads);
    } catch (const SliceError& error) {
      row.notes.push_back(fmt::format("{}: the tolerance decides", error.what()));
    }
  }

  const Trial& trial_;
  const CompareOptions& options_;
  std::vector<ToleranceRule> rules_;
  ComponentPrecision precision_;
  Partners partners_;
};

} // namespace

std::string_view name_of(Side side) {
  return side == Side::ref ? "reference" : "port";
}

Trial try_transforms(const TrialOptions& options) {
  Trial trial;
  trial.comparison = compare(options.compare);
  trial.chain = options.chain;
  trial.side = options.side;
  const auto& rows = trial.comparison.rows;
  const auto picked = picked_rows(rows, options.names);
  const Retry retry(trial, options.compare);
  std::vector<Row> after;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (picked[i]) {
      after.push_back(with_context(rows[i].ref->text, [&] { return retry.again(rows[i]); }));
      trial.rows.push_back({rows[i], after.back()});
    }
  }
  trial.verdict = worst_of(after);
  return trial;
}

} // namespace mflux::parity
