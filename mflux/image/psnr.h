#pragma once

#include "mflux/image/pixels.h"

namespace mflux {

/// Peak signal-to-noise ratio in dB; infinite for equal images. Throws Error on unequal sizes.
double psnr(const Image& a, const Image& b);

} // namespace mflux
