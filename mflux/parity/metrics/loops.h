#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mflux::parity {

// Loops over a tile, compiled for each instruction set: the one that the machine has is run.

/// `from` holds `size` numbers in native byte order, at any address.
void widen_bfloat16(const std::byte* from, size_t size, float* out);
void widen_float16(const std::byte* from, size_t size, float* out);

/// Whether every finite value of a tile is a float16, a bfloat16.
struct Fit {
  bool float16, bfloat16;
};

Fit fit_of(std::span<const float> tile);

} // namespace mflux::parity
