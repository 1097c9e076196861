#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace mflux::artifacts {

// Conversions to float from the numbers' bits; exact.

inline float from_bfloat16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

inline float from_float16(uint16_t bits) {
  const uint32_t magnitude = (bits & 0x7fffu) << 13;
  const uint32_t sign = (bits & 0x8000u) << 16;
  // The multiplication moves the exponent and normalises subnormals.
  const auto scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const uint32_t value = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : scaled;
  return std::bit_cast<float>(value | sign);
}

/// float8_e4m3fn: no infinities.
float from_float8_e4m3(uint8_t bits);
float from_float8_e5m2(uint8_t bits);

/// The same in bulk.
void convert_float8_e4m3(const uint8_t* from, size_t size, float* out);
void convert_float8_e5m2(const uint8_t* from, size_t size, float* out);

} // namespace mflux::artifacts
