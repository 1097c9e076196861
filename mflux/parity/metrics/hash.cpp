#include "mflux/parity/metrics/hash.h"

#include <bit>
#include <limits>

namespace mflux::parity {
namespace {

uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

/// Two's complement of sign and magnitude: 0 and -0 become one number.
uint32_t canonical(float value) {
  const auto bits =
      std::bit_cast<uint32_t>(value != value ? std::numeric_limits<float>::quiet_NaN() : value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  return bits >> 31 ? 0u - magnitude : magnitude;
}

uint64_t product(uint32_t a, uint32_t b, size_t i) {
  const auto& keys = hash_keys();
  return static_cast<uint64_t>(a + keys[i]) * static_cast<uint64_t>(b + keys[i + 1]);
}

} // namespace

const std::array<uint32_t, kHashKeys>& hash_keys() {
  static const auto keys = [] {
    std::array<uint32_t, kHashKeys> out{};
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<uint32_t>(mix((i + 1) * 0x9e3779b97f4a7c15u) >> 32);
    }
    return out;
  }();
  return keys;
}

uint64_t hash_tile(std::span<const float> tile, size_t first_key) {
  uint64_t sum = 0;
  for (size_t i = 0; i < tile.size(); i += 2) {
    sum += product(
        canonical(tile[i]), i + 1 < tile.size() ? canonical(tile[i + 1]) : 0, first_key + i);
  }
  return sum;
}

uint64_t hash_tile(std::span<const uint64_t> tile) {
  uint64_t sum = 0;
  for (size_t i = 0; i < tile.size(); ++i) {
    sum += product(static_cast<uint32_t>(tile[i]), static_cast<uint32_t>(tile[i] >> 32), 2 * i);
  }
  return sum;
}

uint64_t hash_tile(std::span<const double> tile) {
  uint64_t sum = 0;
  for (size_t i = 0; i < tile.size(); ++i) {
    const double value =
        tile[i] != tile[i] ? std::numeric_limits<double>::quiet_NaN() : tile[i] + 0.0;
    const auto bits = std::bit_cast<uint64_t>(value);
    sum += product(static_cast<uint32_t>(bits), static_cast<uint32_t>(bits >> 32), 2 * i);
  }
  return sum;
}

uint64_t hash_of_shape(const artifacts::Shape& shape) {
  uint64_t hash = shape.size();
  for (const int64_t extent : shape) {
    hash = chain_hash(hash, static_cast<uint64_t>(extent));
  }
  return hash;
}

uint64_t chain_hash(uint64_t hash, uint64_t part) {
  return mix(hash * 0x9e3779b97f4a7c15u + part);
}

} // namespace mflux::parity
