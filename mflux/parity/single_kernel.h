#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "mflux/parity/moments.h"
#include "mflux/parity/tile.h"

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

/// Written by the kernel. Nothing but the largest magnitudes is valid when a side is not finite.
struct SingleOutput {
  uint32_t ref_largest, port_largest; ///< bits of the largest magnitudes
  ShiftedSums sums;
  double max_abs;
  float relative,
      passing; ///< largest |d| / max(|ref|, rel_floor) and |d| / (1 + |ref|), within 1 %
  int64_t equal, positive; ///< pairs with d = 0, d > 0
  uint64_t ref_hash, port_hash;
  alignas(64) std::array<uint8_t, kTile> lengths; ///< of ULP distances: 0, or 126 + bit length
  alignas(64) std::array<uint16_t, kTile> bins; ///< exponent and 3 fraction bits of |d| as a float
};

/// One pass over the pairs, in the widest vectors that the machine has; false if it has none.
bool run_single_kernel(const SingleInput& input, SingleOutput& output);

/// Pairs with |port - ref| > atol + rtol * |ref|, in double precision.
int64_t count_outside(const SingleInput& input, double atol, double rtol);

} // namespace mflux::parity
