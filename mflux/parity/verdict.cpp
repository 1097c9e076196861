#include "mflux/parity/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "mflux/parity/images/judge.h"
#include "mflux/parity/metrics/precision.h"
#include "mflux/parity/three_way.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::Tensor;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The candidates whose `outside` the one pass must count: the rule that matches, or both defaults.
std::vector<Tolerance> candidates_for(const Row& row, const std::vector<ToleranceRule>& rules) {
  if (const auto* rule = rule_for(rules, row.ref->name)) {
    return {rule->tolerance};
  }
  return {kFloat32Tolerance, kHalfTolerance};
}

Dtype coarser_of(Dtype ref, Dtype port) {
  return is_floating(ref) && is_floating(port) ? coarser(ref, port)
         : is_floating(port)                   ? port
                                               : ref;
}

void note_dtypes(Row& row) {
  const Dtype a = row.ref->dtype, b = row.port->dtype;
  if (a != b) {
    row.notes.push_back(fmt::format("{} in the reference, {} in the port", name_of(a), name_of(b)));
  }
}

void note_nonfinite(Row& row) {
  const auto total = [](const NonFinite& n) { return n.nan + n.positive_inf + n.negative_inf; };
  const int64_t ref = total(row.metrics->ref_nonfinite), port = total(row.metrics->port_nonfinite);
  if (ref + port > 0) {
    row.notes.push_back(fmt::format(
        "NaN or infinite: {} in the reference, {} in the port, {} not at the same places or not "
        "the "
        "same",
        ref,
        port,
        row.metrics->nonfinite_mismatch));
  }
}

void decide_tolerance(
    Row& row, const std::vector<ToleranceRule>& rules, const ComponentPrecision& precision) {
  if (const auto* rule = rule_for(rules, row.ref->name)) {
    row.tolerance = rule->tolerance;
    row.rule = rule->origin;
  } else {
    const auto decision = precision.of(component_of(row.ref->name));
    row.tolerance = is_half_like(decision.dtype) ? kHalfTolerance : kFloat32Tolerance;
    row.rule = fmt::format("default for {}", name_of(decision.dtype));
  }
  if (row.ref32_error) {
    row.rule += "; the reference equals ref32";
  }
}

int64_t outside_of(const Row& row) {
  for (size_t i = 0; i < row.candidates.size(); ++i) {
    if (row.candidates[i].atol == row.tolerance->atol &&
        row.candidates[i].rtol == row.tolerance->rtol) {
      return row.metrics->outside[i];
    }
  }
  throw Error("a tolerance was chosen that nothing was counted for");
}

} // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "PASS";
    case Verdict::missing:
      return "MISSING";
    case Verdict::inconclusive:
      return "INCONCLUSIVE";
    case Verdict::inherited:
      return "INHERITED";
    case Verdict::nonfinite:
      return "NONFINITE";
    case Verdict::shape:
      return "SHAPE";
    case Verdict::fail:
      break;
  }
  return "FAIL";
}

bool must_be_equal(const Row& row) {
  return is_integral(row.ref->dtype) && !row.picture;
}

bool is_failing(Verdict verdict) {
  return verdict >= Verdict::inherited;
}

Tensor cut(const Tensor& tensor, const artifacts::Ranges& ranges, const char* side) {
  bool fits = tensor.shape.size() == ranges.size();
  for (size_t i = 0; fits && i < ranges.size(); ++i) {
    fits = ranges[i].second <= tensor.shape[i];
  }
  if (!fits) {
    std::string text;
    for (const auto& range : ranges) {
      text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", range.first, range.second);
    }
    throw SliceError(fmt::format(
        "the {}'s tensor of shape {} does not hold the slice [{}] of the other side",
        side,
        artifacts::to_string(tensor.shape),
        text));
  }
  return tensor.slice(ranges);
}

TensorPair load_pair(const Dump& ref, const Dump& port, const Row& row) {
  TensorPair pair{ref.load(*row.ref), port.load(*row.port)};
  const auto& a = row.ref->slice;
  const auto& b = row.port->slice;
  if (a && b && *a != *b) {
    throw SliceError("both dumps hold a slice of this tensor, and not the same");
  }
  if (a && !b) {
    pair.port = cut(pair.port, *a, "port");
  } else if (b && !a) {
    pair.ref = cut(pair.ref, *b, "reference");
  }
  return pair;
}

namespace {

void refuse_shapes(Row& row, const std::string& note) {
  row.verdict = Verdict::shape;
  row.rule = "shapes must be equal";
  row.notes.push_back(note);
}

std::string two_shapes(const artifacts::Shape& ref, const artifacts::Shape& port) {
  return fmt::format(
      "{} in the reference, {} in the port", artifacts::to_string(ref), artifacts::to_string(port));
}

} // namespace

void measure_pair(
    Row& row, const TensorPair& pair, const std::vector<ToleranceRule>& rules, int threads) {
  row.ref_shape = pair.ref.shape;
  row.port_shape = pair.port.shape;
  if (pair.ref.shape != pair.port.shape) {
    return refuse_shapes(row, two_shapes(row.ref_shape, row.port_shape));
  }
  note_dtypes(row);
  if (is_complex(pair.ref.dtype) != is_complex(pair.port.dtype)) {
    row.verdict = Verdict::fail;
    row.rule = "complex against real";
    return;
  }
  row.candidates = candidates_for(row, rules);
  row.metrics = with_context(
      row.ref->text, [&] { return measure(pair.ref, pair.port, row.candidates, threads); });
  if (is_picture(row)) {
    with_context(row.ref->text, [&] { measure_picture(row, pair); });
  }
  row.effective = coarser_of(row.metrics->ref_effective, row.metrics->port_effective);
}

void measure_row(
    Row& row,
    const Dump& ref,
    const Dump& port,
    const std::vector<ToleranceRule>& rules,
    int threads) {
  row.ref_shape = row.ref->shape;
  row.port_shape = row.port->shape;
  const auto& whole_ref = row.ref->slice ? row.ref->whole_shape : row.ref_shape;
  const auto& whole_port = row.port->slice ? row.port->whole_shape : row.port_shape;
  if (whole_ref && whole_port && *whole_ref != *whole_port) {
    row.ref_shape = *whole_ref;
    row.port_shape = *whole_port;
    return refuse_shapes(row, two_shapes(*whole_ref, *whole_port));
  }
  TensorPair pair;
  try {
    pair = load_pair(ref, port, row);
  } catch (const SliceError& error) {
    return refuse_shapes(row, error.what());
  }
  measure_pair(row, pair, rules, threads);
}

ComponentPrecision precision_of(const std::vector<Row>& rows) {
  ComponentPrecision precision;
  for (const auto& row : rows) {
    add_precision(precision, row);
  }
  return precision;
}

void add_precision(ComponentPrecision& precision, const Row& row) {
  if (row.metrics && (is_floating(row.ref->dtype) || is_complex(row.ref->dtype))) {
    precision.add(component_of(row.ref->name), row.effective, row.metrics->count);
  }
}

void judge_row(
    Row& row,
    const std::vector<ToleranceRule>& rules,
    const ComponentPrecision& precision,
    double max_ratio) {
  if (!row.port || !row.metrics) {
    return;
  }
  if (row.metrics->count == 0) {
    row.notes.push_back("empty: nothing to compare");
  }
  note_nonfinite(row);
  if (row.metrics->mask_like && row.metrics->max_abs == 0 &&
      row.metrics->ref_nonfinite.negative_inf != row.metrics->port_nonfinite.negative_inf) {
    row.notes.push_back("a mask: -inf and the lowest number of a dtype count as one value");
  }
  if (row.picture) {
    judge_picture(row, rules, max_ratio);
  } else if (must_be_equal(row)) {
    row.rule = "integers must be equal";
    row.tolerance = Tolerance{0, 0};
    row.verdict = row.metrics->unequal > 0 ? Verdict::fail : Verdict::pass;
  } else if (is_three_way(row) && row.metrics->nonfinite_mismatch == 0) {
    const auto* rule = rule_for(rules, row.ref->name);
    judge_three_way(row, rule && rule->max_ratio ? *rule->max_ratio : max_ratio);
  } else {
    decide_tolerance(row, rules, precision);
    row.verdict = row.metrics->nonfinite_mismatch > 0 ? Verdict::nonfinite
                  : outside_of(row) > 0               ? Verdict::fail
                                                      : Verdict::pass;
  }
}

std::optional<double> error_of(const Row& row) {
  if (!row.port) {
    return std::nullopt;
  }
  if (!row.metrics || row.verdict == Verdict::shape || row.verdict == Verdict::nonfinite) {
    return kInfinity;
  }
  const double error = std::isnan(row.metrics->rel_l2) ? kInfinity : row.metrics->rel_l2;
  return must_be_equal(row) && row.metrics->unequal > 0 ? std::max(1.0, error) : error;
}

} // namespace mflux::parity
