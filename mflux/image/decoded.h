#pragma once

#include <string>
#include <string_view>

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

} // namespace mflux
