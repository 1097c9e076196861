#include "mflux/parity/three_way.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "mflux/base/error.h"
#include "mflux/parity/metrics/metrics.h"

namespace mflux::parity {
namespace {

using artifacts::Tensor;

constexpr size_t kNames = 3;

std::vector<std::string> names_of(const Dump& dump) {
  std::vector<std::string> names;
  for (const auto& checkpoint : dump.checkpoints()) {
    names.push_back(checkpoint.text);
  }
  return names;
}

Triple load_triple(
    const Dump& ref32,
    const Dump& ref,
    const Dump& port,
    const Row& row,
    const Checkpoint& checkpoint) {
  const auto& crop = row.ref->slice ? row.ref->slice : row.port->slice;
  if (crop && checkpoint.slice && *crop != *checkpoint.slice) {
    throw SliceError("ref32 holds another slice of this tensor");
  }
  const auto& common = crop ? crop : checkpoint.slice;
  const auto load = [&](const Dump& dump, const Checkpoint& place, const char* side) {
    Tensor tensor = dump.load(place);
    return common && !place.slice ? cut(tensor, *common, side) : tensor;
  };
  Triple out{
      load(ref, *row.ref, "reference"),
      load(port, *row.port, "port"),
      load(ref32, checkpoint, "float32 reference")};
  if (out.ref32.shape != out.ref.shape) {
    throw SliceError(fmt::format(
        "ref32 has the shape {}, not {}",
        artifacts::to_string(out.ref32.shape),
        artifacts::to_string(out.ref.shape)));
  }
  return out;
}

double error_between(const Metrics& metrics) {
  return metrics.nonfinite_mismatch > 0 ? std::numeric_limits<double>::infinity() : metrics.rel_l2;
}

} // namespace

bool has_noise(const Row& row) {
  return row.metrics && row.metrics->count > 0 && !must_be_equal(row);
}

Partners partners_of(const Dump& ref, const Dump& ref32) {
  Partners partners;
  for (const auto& pair : match_names(names_of(ref), names_of(ref32), {}).pairs) {
    partners[&ref.checkpoints()[pair.ref]] = &ref32.checkpoints()[pair.port];
  }
  return partners;
}

void measure_row_against(Row& row, const Triple& tensors, int threads) {
  if (is_complex(tensors.ref32.dtype) != is_complex(tensors.ref.dtype)) {
    throw SliceError("complex against real in ref32");
  }
  const Metrics own = measure(tensors.ref32, tensors.ref, {}, threads);
  row.ref32_error = error_between(own);
  if (own.unequal == 0) {
    return; // ids, tables: nothing was rounded, so there is no noise to measure by
  }
  row.port32_error = error_between(measure(tensors.ref32, tensors.port, {}, threads));
  row.ratio = *row.port32_error / std::max(*row.ref32_error, kLeastOwnError);
}

std::vector<std::string> measure_against(
    const Dump& ref32, const Dump& ref, const Dump& port, std::vector<Row>& rows, int threads) {
  const Partners partners = partners_of(ref, ref32);
  std::vector<std::string> lacking;
  for (auto& row : rows) {
    if (!has_noise(row)) {
      continue;
    }
    const auto partner = partners.find(row.ref);
    if (partner == partners.end()) {
      lacking.push_back(row.ref->text);
      continue;
    }
    try {
      const Triple tensors = load_triple(ref32, ref, port, row, *partner->second);
      with_context(row.ref->text, [&] { measure_row_against(row, tensors, threads); });
    } catch (const SliceError& error) {
      row.notes.push_back(fmt::format("{}: the tolerance decides", error.what()));
    }
  }
  if (lacking.empty()) {
    return {};
  }
  const std::string names = fmt::format(
      "{}", fmt::join(lacking.begin(), lacking.begin() + std::min(kNames, lacking.size()), ", "));
  return {fmt::format(
      "ref32 lacks {} of the compared checkpoints, where the tolerance decides: {}{}",
      lacking.size(),
      names,
      lacking.size() > kNames ? ", …" : "")};
}

bool is_three_way(const Row& row) {
  return row.ratio.has_value();
}

void judge_three_way(Row& row, double max_ratio) {
  const std::string own = fmt::format("reference's own error {:.1e}", *row.ref32_error);
  if (!(*row.ref32_error <= kMostOwnError)) {
    row.rule = fmt::format("{} against ref32 is above {:g} of scale", own, kMostOwnError);
    row.verdict = Verdict::inconclusive;
    return;
  }
  row.rule = fmt::format("ratio {:.2g} of {:g} against ref32 ({})", *row.ratio, max_ratio, own);
  row.verdict = *row.ratio <= max_ratio ? Verdict::pass : Verdict::fail;
}

} // namespace mflux::parity
