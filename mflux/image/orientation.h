#pragma once

#include <string_view>

#include "mflux/image/pixels.h"

namespace mflux {

/// How a camera held the picture, 1 to 8 as EXIF counts, from EXIF data (with or without its
/// "Exif" mark) or else from XMP; 1 when neither says it or what it says is damaged.
int orientation_of(std::string_view exif, std::string_view xmp);

/// `image` turned upright, as PIL.ImageOps.exif_transpose does.
Image upright(const Image& image, int orientation);

} // namespace mflux
