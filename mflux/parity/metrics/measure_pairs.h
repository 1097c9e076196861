#pragma once

#include <span>

#include "mflux/parity/metrics/moments.h"
#include "mflux/parity/metrics/pairs.h"
#include "mflux/parity/metrics/tally.h"

namespace mflux::parity {

/// Adds the pairs of tile number `tile` to `tally`, and returns their moments and bounds.
struct TileResult {
  Moments moments;
  Bounds bounds;
};

TileResult measure_pairs(const Pairs& pairs, const Plan& plan, int64_t tile, Tally& tally);

/// The mean of up to 64 leading values: a shift that keeps sums from cancelling. Exact for
/// constants.
double shift_of(std::span<const double> values);
double shift_of(std::span<const float> values);

} // namespace mflux::parity
