#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "mflux/parity/metrics/histogram.h"
#include "mflux/parity/metrics/metrics.h"
#include "mflux/parity/metrics/precision.h"

namespace mflux::parity {

inline constexpr int64_t kNowhere = std::numeric_limits<int64_t>::max();

/// How a pass looks at its pairs.
struct Plan {
  std::span<const Tolerance> tolerances;
  double rel_floor = 0;                                 ///< a guess at 1e-3 * rms(ref), from below
  artifacts::Dtype coarser = artifacts::Dtype::float32; ///< whose lattice ULPs are counted on
  bool floating = true;                                 ///< else no ULPs
  bool masks = false; ///< -inf and the lowest finite numbers are one value
  double unit = 1;    ///< values are multiplied by it, a power of two
};

/// Upper bounds within one tile: of |d| / max(|ref|, floor) and |d| / (unit + |ref|).
struct Bounds {
  double relative = 0, passing = 0;
};

/// Whether a tensor looks like an attention mask: only 0 and hugely negative.
struct MaskEvidence {
  bool possible = true, huge = false;

  void merge(const MaskEvidence& other);
};

/// What one thread learns of one side.
struct SideTally {
  NonFinite nonfinite;
  Precision precision;
  MaskEvidence mask;

  void merge(const SideTally& other);
};

/// What one thread learns of its pairs; merging does not depend on order.
struct Tally {
  explicit Tally(size_t tolerances) : outside(tolerances) {}

  SideTally ref, port;
  int64_t mismatched = 0, first_mismatch = kNowhere; ///< not finite on one side only
  int64_t unequal = 0;                               ///< among finite pairs
  int64_t positive = 0;                              ///< d > 0
  double max_abs = 0;
  int64_t worst_tile = kNowhere; ///< the first tile with max_abs
  double ref_max = 0, port_max = 0;
  std::vector<int64_t> outside;
  Distances distances{};
  LogHistogram errors; ///< of nonzero |d|

  void see_max(double value, int64_t tile);
  void merge(const Tally& other);
};

} // namespace mflux::parity
