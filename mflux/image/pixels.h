#pragma once

#include <cstdint>
#include <vector>

namespace mflux {

/// 8-bit RGB pixels, row by row.
struct Image {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb; ///< height · width · 3
};

/// Longer sides are refused before anything is allocated.
inline constexpr int kLongestSide = 1 << 15;

/// So are files of more pixels, as Pillow refuses them: a small file can claim any number.
inline constexpr int64_t kMostPixels = 178'956'970;

} // namespace mflux
