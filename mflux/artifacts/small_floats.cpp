#include "mflux/artifacts/small_floats.h"

#include <array>

namespace mflux::artifacts {
namespace {

using Table = std::array<float, 256>;

template <float (*Convert)(uint8_t)>
Table table_of() {
  Table table;
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = Convert(static_cast<uint8_t>(i));
  }
  return table;
}

void look_up(const Table& table, const uint8_t* from, size_t size, float* out) {
  for (size_t i = 0; i < size; ++i) {
    out[i] = table[from[i]];
  }
}

} // namespace

/// One more binade stands in place of infinity; only 0x7f and 0xff are NaN.
float from_float8_e4m3(uint8_t bits) {
  const uint32_t sign = (bits & 0x80u) << 24;
  const uint32_t magnitude = (bits & 0x7fu) << 20;
  const auto scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p120f);
  return std::bit_cast<float>(((bits & 0x7f) == 0x7f ? 0x7fc00000u : scaled) | sign);
}

/// The upper half of float16.
float from_float8_e5m2(uint8_t bits) {
  return from_float16(static_cast<uint16_t>(bits << 8));
}

void convert_float8_e4m3(const uint8_t* from, size_t size, float* out) {
  static const Table table = table_of<from_float8_e4m3>();
  look_up(table, from, size, out);
}

void convert_float8_e5m2(const uint8_t* from, size_t size, float* out) {
  static const Table table = table_of<from_float8_e5m2>();
  look_up(table, from, size, out);
}

} // namespace mflux::artifacts
