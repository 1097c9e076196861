#include "mflux/parity/diagnose/pipeline/noise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/pipeline/error_shape.h"

namespace mflux::parity {
namespace {

/// What adds up stays below so many times what rounding explains at one checkpoint.
constexpr double kMostFloors = 100, kMostOfNarrow = 8;

/// One checkpoint adds no more than this many times what was there.
constexpr double kMostGain = 5;

constexpr double kMostStructure = 0.35;
constexpr double kMostImbalance = 0.35;
constexpr int64_t kFewest = 64;

double most_at(const Row& row) {
  const double floor = noise_floor(row.effective);
  return floor * (floor < 1e-4 ? kMostFloors : kMostOfNarrow);
}

/// What rounding moves a slope by, at most.
bool is_unbiased(const Metrics& metrics) {
  const double chance = 6 / std::sqrt(static_cast<double>(std::max<int64_t>(metrics.count, 1)));
  return std::abs(metrics.error_balance) <= kMostImbalance + chance &&
         std::abs(metrics.slope - 1) <= metrics.rel_l2 * (kMostImbalance + chance);
}

bool may_be_noise(const Row& row, double before) {
  if (!row.metrics || row.ref32_error || must_be_equal(row) ||
      row.metrics->nonfinite_mismatch > 0) {
    return false;
  }
  const double error = row.metrics->rel_l2;
  const bool stands_out = row.gain && *row.gain >= kMostGain;
  return error <= most_at(row) && !stands_out &&
         error <= kMostGain * std::max(before, noise_floor(row.effective));
}

} // namespace

std::optional<Cause> noise_alone(const Scene& scene) {
  const auto& comparison = scene.comparison();
  if (!comparison.first_divergence || comparison.ref32) {
    return std::nullopt;
  }
  double before = 0;
  size_t failing = 0;
  for (const Row& row : comparison.rows) {
    if (!row.port) {
      continue;
    }
    if (is_failing(row.verdict)) {
      ++failing;
      if (!may_be_noise(row, before)) {
        return std::nullopt;
      }
    }
    if (row.metrics && !must_be_equal(row)) {
      before = std::max(before, row.metrics->rel_l2);
    }
  }
  const size_t first = comparison.first_divergence->row;
  const Row& row = comparison.rows[first];
  const auto pair = scene.pair(first);
  if (failing == 0 || !pair || !row.metrics || row.metrics->count < kFewest ||
      !is_unbiased(*row.metrics) ||
      explained_by_structure(pair->ref, pair->port) > kMostStructure) {
    return std::nullopt;
  }
  Cause cause;
  cause.id = "noise.accumulation";
  cause.row = first;
  cause.confidence = 0.6;
  cause.before = cause.after = row.metrics->rel_l2;
  cause.detail = fmt::format(
      "{} checkpoints are off by at most {:.1e}; none stands out, and the errors have no structure",
      failing,
      before);
  return cause;
}

} // namespace mflux::parity
