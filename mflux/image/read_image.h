#pragma once

#include <filesystem>

#include "mflux/image/pixels.h"

namespace mflux {

/// A PNG or JPEG, known by its content, as 8-bit RGB the right way up. Reference: diffusers'
/// load_image, so alpha is dropped, CMYK made RGB, and EXIF's orientation applied. (Grey PNGs of 16
/// bits keep their high byte; Pillow clips them.) Throws Error for other formats and for what is
/// damaged, cut off or too large.
Image read_image(const std::filesystem::path& path);

} // namespace mflux
