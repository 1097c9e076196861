#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "mflux/parity/diagnose/attention/turn.h"

namespace mflux::parity {

/// A variant that leaves more than this part of the error, by a sample, is not computed in whole.
inline constexpr double kPromising = 0.9;
inline constexpr size_t kMostVariants = 4;

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
