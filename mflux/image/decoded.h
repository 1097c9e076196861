#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mflux/image/png.h"

namespace mflux {

/// All that a file holds: pixels as they are stored, and what may say how to turn them.
struct Decoded {
  Image image;
  std::string exif, xmp; ///< empty when there is none
  PngTexts texts;        ///< of a PNG
};

/// Larger files are refused: more than any compressed picture that anybody means.
inline constexpr size_t kLargestImageFile = size_t{1} << 30;

/// Throws Error, which calls the file `name`, for sides above kLongestSide or more than
/// kMostPixels.
void check_picture_size(const std::string& name, uint32_t width, uint32_t height);

/// `file` is all bytes of a file that errors call `name`. Both throw Error.
Decoded decode_png(std::string_view file, const std::string& name);
/// A damaged JPEG is read as far as it goes, as Pillow does, with a warning; a cut one is an Error.
Decoded decode_jpeg(std::string_view file, const std::string& name);

/// How a file's pixels are stored: 1 channel for grey, 2 with alpha, 3 for RGB, 4 with alpha.
struct SampleShape {
  int width = 0, height = 0, channels = 0;
  int bits = 8; ///< or 16
};

/// What a file begins with.
bool looks_like_png(std::string_view file);
bool looks_like_jpeg(std::string_view file);

/// From the head of a PNG at its full depth: palettes are RGB (RGBA where they or a colour key have
/// transparency), grey of 1, 2 and 4 bits is 8. Throws Error as decode_png() does.
SampleShape png_samples(std::string_view file, const std::string& name);

/// Those samples, row by row, pixel by pixel; 16 bits in native byte order. As NumPy sees what
/// Pillow opens, where Pillow keeps the depth. Gamma and orientation are left alone.
std::vector<std::byte> decode_png_samples(std::string_view file, const std::string& name);

/// From the head of a JPEG, whose samples are those that decode_jpeg() gives.
SampleShape jpeg_samples(std::string_view file, const std::string& name);

} // namespace mflux
