#pragma once

#include "mflux/nn/fused/pending.h"

namespace mflux::nn::fused {

/// The image with each pixel twice in both directions: [batch, 2 · height, 2 · width, channels].
mx::array upsample(const Pending& image);

} // namespace mflux::nn::fused
