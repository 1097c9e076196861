#include "mflux/parity/diagnose/pipeline/rounding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "mflux/parity/transforms/arithmetic.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;

/// Drops the lowest bits of a float32's significand.
double cut(double value, int bits) {
  const auto word = std::bit_cast<uint32_t>(static_cast<float>(value));
  return std::bit_cast<float>(word >> bits << bits);
}

double nearest(double value, int bits) {
  auto word = std::bit_cast<uint32_t>(static_cast<float>(value));
  word += (1u << (bits - 1)) - 1 + (word >> bits & 1);
  return std::bit_cast<float>(word >> bits << bits);
}

double to_e4m3(double value) {
  return std::abs(value) > 448 ? std::copysign(448.0, value) : rounded(value, Dtype::float8_e4m3);
}

double to_e5m2(double value) {
  return rounded(value, Dtype::float8_e5m2);
}

double to_level(double value) {
  return std::nearbyint(std::clamp(value, 0.0, 1.0) * 255) / 255;
}

double down_to_level(double value) {
  return std::floor(std::clamp(value, 0.0, 1.0) * 255) / 255;
}

double to_signed_level(double value) {
  return to_level(value / 2 + 0.5) * 2 - 1;
}

constexpr auto kTypes = std::to_array<Rounding>({
    {"bfloat16", to_bfloat16, 0x1p-8},
    {"float16", to_float16, 0x1p-11},
    {"float8_e4m3", to_e4m3, 0x1p-4},
    {"float8_e5m2", to_e5m2, 0x1p-3},
    {"bfloat16, truncated", cut_to_bfloat16, 0x1p-7},
});

constexpr auto kGrids = std::to_array<Rounding>({
    {"integers", std::nearbyint, 0},
    {"integers, towards zero", std::trunc, 0},
    {"levels of 255", to_level, 0},
    {"levels of 255, downwards", down_to_level, 0},
    {"levels of 255 in [-1, 1]", to_signed_level, 0},
});

} // namespace

std::span<const Rounding> narrower_types() {
  return kTypes;
}

std::span<const Rounding> grids() {
  return kGrids;
}

double to_tf32(double value) {
  return nearest(value, 13);
}

double cut_to_tf32(double value) {
  return cut(value, 13);
}

double to_bfloat16(double value) {
  return nearest(value, 16);
}

double cut_to_bfloat16(double value) {
  return cut(value, 16);
}

double to_float16(double value) {
  return rounded(value, Dtype::float16);
}

} // namespace mflux::parity
