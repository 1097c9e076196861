#include "mflux/parity/metrics/tally.h"

#include <algorithm>
#include <functional>

namespace mflux::parity {

void MaskEvidence::merge(const MaskEvidence& other) {
  possible &= other.possible;
  huge |= other.huge;
}

void SideTally::merge(const SideTally& other) {
  nonfinite.nan += other.nonfinite.nan;
  nonfinite.positive_inf += other.nonfinite.positive_inf;
  nonfinite.negative_inf += other.nonfinite.negative_inf;
  precision.merge(other.precision);
  mask.merge(other.mask);
}

void Tally::see_max(double value, int64_t tile) {
  if (value > max_abs || (value == max_abs && tile < worst_tile)) {
    max_abs = value;
    worst_tile = tile;
  }
}

void Tally::merge(const Tally& other) {
  ref.merge(other.ref);
  port.merge(other.port);
  mismatched += other.mismatched;
  first_mismatch = std::min(first_mismatch, other.first_mismatch);
  unequal += other.unequal;
  positive += other.positive;
  see_max(other.max_abs, other.worst_tile);
  ref_max = std::max(ref_max, other.ref_max);
  port_max = std::max(port_max, other.port_max);
  std::ranges::transform(outside, other.outside, outside.begin(), std::plus<>());
  std::ranges::transform(distances, other.distances, distances.begin(), std::plus<>());
  errors.merge(other.errors);
}

} // namespace mflux::parity
