#pragma once

#include <cstdint>

#include "mflux/image/pixels.h"

namespace mflux {

enum class Filter { lanczos, bicubic };

/// `image` at another size, every byte as Pillow 13's Image.resize gives it: filter widened when
/// shrinking, weights in 22-bit fixed point, two passes each rounded to 8 bits. (Pillow 12 and
/// older always go across first; 13 goes down first when that loses more than twice as many rows as
/// columns.)
/// Throws Error when a side is below 1 or above kLongestSide.
Image resize(const Image& image, int width, int height, Filter filter = Filter::lanczos);

/// The largest size of the same shape that has at most about `area` pixels, LANCZOS; sides are
/// truncated. Reference: diffusers Flux2ImageProcessor._resize_to_target_area.
Image resize_to_area(const Image& image, int64_t area);

/// The middle of `image`; black where it does not reach. Reference: diffusers
/// Flux2ImageProcessor._resize_and_crop.
Image centre_crop(const Image& image, int width, int height);

} // namespace mflux
