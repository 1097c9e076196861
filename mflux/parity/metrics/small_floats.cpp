#include "mflux/parity/metrics/small_floats.h"

#include <array>
#include <bit>

namespace mflux::parity {
namespace {

float half_to_float(uint16_t half) {
  const uint32_t magnitude = (half & 0x7fffu) << 13;
  const uint32_t sign = (half & 0x8000u) << 16;
  // The multiplication moves the exponent and normalises subnormals.
  const auto scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const uint32_t value = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : scaled;
  return std::bit_cast<float>(value | sign);
}

/// float8_e4m3fn has one more binade in place of infinity; only 0x7f and 0xff are NaN.
float e4m3_to_float(uint8_t raw) {
  const uint32_t sign = (raw & 0x80u) << 24;
  const uint32_t magnitude = (raw & 0x7fu) << 20;
  const auto scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p120f);
  return std::bit_cast<float>(((raw & 0x7f) == 0x7f ? 0x7fc00000u : scaled) | sign);
}

using Table = std::array<float, 256>;

void look_up(const Table& table, const uint8_t* from, size_t size, float* out) {
  for (size_t i = 0; i < size; ++i) {
    out[i] = table[from[i]];
  }
}

template <float (*Convert)(uint8_t)>
Table table_of() {
  Table table;
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = Convert(static_cast<uint8_t>(i));
  }
  return table;
}

/// float8_e5m2 is the upper half of float16.
float e5m2_to_float(uint8_t raw) {
  return half_to_float(static_cast<uint16_t>(raw << 8));
}

} // namespace

void convert_bfloat16(const uint16_t* from, size_t size, float* out) {
  for (size_t i = 0; i < size; ++i) {
    out[i] = std::bit_cast<float>(static_cast<uint32_t>(from[i]) << 16);
  }
}

void convert_float16(const uint16_t* from, size_t size, float* out) {
  for (size_t i = 0; i < size; ++i) {
    out[i] = half_to_float(from[i]);
  }
}

void convert_float8_e4m3(const uint8_t* from, size_t size, float* out) {
  static const Table table = table_of<e4m3_to_float>();
  look_up(table, from, size, out);
}

void convert_float8_e5m2(const uint8_t* from, size_t size, float* out) {
  static const Table table = table_of<e5m2_to_float>();
  look_up(table, from, size, out);
}

} // namespace mflux::parity
