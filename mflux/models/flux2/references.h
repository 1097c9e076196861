#pragma once

#include <cstddef>

#include "mflux/image/pixels.h"

namespace mflux::flux2 {

/// What Flux2KleinPipeline makes of a reference picture: first resized (LANCZOS; its own size
/// unless its area exceeds 1024²), then cropped in the middle to whole tokens.
struct ReferenceSize {
  int resized_width = 0, resized_height = 0;
  int width = 0, height = 0; ///< after the crop
};

/// `number` (from 1) names the picture in errors. Throws Error for sides below 64 pixels and for
/// more than 8 times as much of one as of the other.
ReferenceSize reference_size(const Image& image, int pixels_per_token, size_t number);

} // namespace mflux::flux2
