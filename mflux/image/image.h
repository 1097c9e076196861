#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "mlx/mlx.h"

namespace mflux {

namespace mx = mlx::core;

/// 8-bit RGB pixels, row by row.
struct Image {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb; ///< height · width · 3
};

/// Longer sides are refused before anything is allocated.
inline constexpr int kLongestSide = 1 << 15;

/// Reads a PNG of any kind as 8-bit RGB: palettes and grey are spread, 16 bits cut to 8, alpha
/// dropped. Throws Error (not a PNG, damaged, too large).
Image read_png(const std::filesystem::path& path);

/// Writes an RGB PNG, atomically. Throws Error.
void write_png(const std::filesystem::path& path, const Image& image);

/// A model's output [1, height, width, 3] in about [-1, 1] as the reference brings it to [0, 1]:
/// x/2 + 0.5, clamped. Same shape, float32.
mx::array to_unit_range(const mx::array& sample);

/// [1, height, width, 3] in [0, 1] as pixels: · 255, rounded half to even. Throws Error on NaN and
/// on other shapes.
Image to_image(const mx::array& unit);

/// The inverse of both: pixels as [1, height, width, 3] in [-1, 1], float32.
mx::array to_array(const Image& image);

/// Peak signal-to-noise ratio in dB; infinite for equal images. Throws Error on unequal sizes.
double psnr(const Image& a, const Image& b);

} // namespace mflux
