#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "mflux/parity/metrics/metrics.h"
#include "mflux/parity/metrics/moments.h"
#include "mflux/parity/metrics/tile.h"

namespace mflux::parity {

/// The kernel takes multiples of this many pairs.
inline constexpr size_t kKernelLanes = 16;

/// Read by the kernel: pairs of floats and what to do with them.
struct SingleInput {
  const float* ref;
  const float* port;
  size_t size;
  double ref_shift, port_shift;
  float rel_floor;      ///< at least 1e-30
  uint32_t smallest;    ///< bits of the smallest normal number of the lattice; 0: float's own
  float to_lattice;     ///< makes numbers below it multiples of the lattice's 2^-23 units
  const uint32_t* keys; ///< hash_keys()
};

/// Where pairs are counted in a table of rows for |d| (the exponent and 3 fraction bits of a float)
/// and columns for ULP distances: the 5 low bits of the exponent of the distance as a float, which
/// are 31 for 1, 0 for 2 and 3, 1 for 4 to 7, …, 30 from 2^31 on, and 0 for 0. Pairs with d = 0 are
/// in no table.
using PairIndices = std::array<uint32_t, kTile>;

inline constexpr size_t kPairRows = 2048, kPairColumns = 32;

/// Written by the kernel. When a side is not finite only the largest magnitudes are valid.
struct SingleOutput {
  uint32_t ref_largest, port_largest; ///< bits of the largest magnitudes
  ShiftedSums sums;
  double max_abs;
  float relative,
      passing; ///< largest |d| / max(|ref|, rel_floor) and |d| / (1 + |ref|), within 1 %
  int64_t equal, positive; ///< pairs with d = 0, d > 0
  size_t counted;          ///< indices written: one for each pair with another d than 0
  uint64_t ref_hash, port_hash;
};

/// One pass over the pairs, in the widest vectors that the machine has; false if it has none.
bool run_single_kernel(const SingleInput& input, SingleOutput& output, PairIndices& indices);

using TwoCounts = std::array<int64_t, 2>;

/// Pairs with |port - ref| > atol + rtol * |ref|, in double precision, for each of two tolerances.
TwoCounts count_outside(const SingleInput& input, Tolerance first, Tolerance second);

/// Places of the pairs with |d| >= relative * max(|ref|, rel_floor) or |d| >= passing * (1 +
/// |ref|), in float; how many.
size_t find_largest(const SingleInput& input, float relative, float passing, PairIndices& places);

} // namespace mflux::parity
