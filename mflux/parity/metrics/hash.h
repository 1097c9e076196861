#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "mflux/parity/metrics/tile.h"

namespace mflux::parity {

/// Keys of the pairwise multiplication hash (NH): one per 32-bit word of a tile of 64-bit numbers.
inline constexpr size_t kHashKeys = static_cast<size_t>(kTile) * 2;
const std::array<uint32_t, kHashKeys>& hash_keys();

/// Hash of a tile: the sum over pairs of words of (a + key) * (b + key'), which vectorises and does
/// not depend on the order of summation. Equal values hash equally: -0 as 0, NaNs as one NaN.
uint64_t hash_tile(std::span<const float> tile, size_t first_key = 0);
uint64_t hash_tile(std::span<const double> tile);
uint64_t hash_tile(std::span<const uint64_t> tile);

/// What the hash of a tensor starts from.
uint64_t hash_of_shape(const artifacts::Shape& shape);

/// Appends the hash of the next part; order matters.
uint64_t chain_hash(uint64_t hash, uint64_t part);

} // namespace mflux::parity
