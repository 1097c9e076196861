#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "mflux/parity/diagnose/attention/turn.h"
#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// A variant that leaves more than this part of the error, by a sample, is not computed in whole.
inline constexpr double kPromising = 0.9;
inline constexpr size_t kMostVariants = 4;

/// Where a function of one number is least: a grid of `steps`, then the golden section.
template <typename Function>
double least_of(Function function, double from, double to, int steps = 48) {
  double best = from, least = function(from);
  const double step = (to - from) / steps;
  for (int i = 1; i <= steps; ++i) {
    if (const double value = function(from + i * step); value < least) {
      best = from + i * step;
      least = value;
    }
  }
  double low = best - step, high = best + step;
  for (int i = 0; i < 32; ++i) {
    const double a = high - 0.618033988749895 * (high - low);
    const double b = low + 0.618033988749895 * (high - low);
    (function(a) < function(b) ? high : low) = function(a) < function(b) ? b : a;
  }
  return (low + high) / 2;
}

/// What each variant leaves, by a sample; keeps the few that leave least, the best first.
using Promising = std::vector<std::pair<double, TurnVariant>>;

inline void keep_best(Promising& found) {
  std::stable_sort(
      found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  found.resize(std::min(found.size(), kMostVariants));
}

/// Every bug of a table: those of the table alone and, where it can be taken apart, those of its
/// positions and frequencies but for their base. `heads` turn by it; 0 for a table by itself.
std::vector<TurnVariant> all_variants(const Turn& turn, int64_t heads);

} // namespace mflux::parity
