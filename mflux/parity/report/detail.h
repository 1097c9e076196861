#pragma once

#include <cstdint>
#include <vector>

#include "mflux/parity/output/values.h"
#include "mflux/parity/report/heat_map.h"
#include "mflux/parity/verdict.h"

namespace mflux::parity {

/// How many elements have which |d|, by powers of two.
struct ErrorHistogram {
  int first = 0;               ///< counts[i]: 2^(first + i) <= |d| < 2^(first + i + 1)
  std::vector<int64_t> counts; ///< begins and ends with one that is not 0; or empty
  int64_t equal = 0;           ///< d = 0
  int64_t nonfinite = 0;       ///< not finite on one side only
};

/// What the report shows of one checkpoint beyond its metrics. d and what agrees are as in Metrics.
/// Indices are flat, C order, of what was compared; a complex element is two reals and its shape
/// has a last axis of 2.
struct Detail {
  artifacts::Shape shape;
  Strips strips;
  std::vector<Element> worst; ///< the largest |d| first, at most kWorst; none where d = 0
  ErrorHistogram histogram;
  std::vector<HeatMap> heat; ///< over the longest axes first; none where all of d is 0
};

inline constexpr size_t kWorst = 10;

struct DetailOptions {
  int cells = 48;        ///< of heat maps, a side
  bool all_axes = false; ///< a heat map for every pair of axes, up to kMostHeatMaps
};

inline constexpr size_t kMostHeatMaps = 6;

/// Reads both tensors of a row that has metrics once more, in tiles. Throws Error on damaged files.
Detail detail_of(const TensorPair& pair, const Metrics& metrics, const DetailOptions& options);

} // namespace mflux::parity
