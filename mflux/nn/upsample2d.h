#pragma once

#include "mflux/nn/conv2d.h"

namespace mflux::nn {

/// Doubles height and width of x [batch, height, width, channels] by repeating pixels, then a 3×3
/// convolution. Reference: diffusers Upsample2D with a convolution.
struct Upsample2D : Module {
  Upsample2D(Scope here, int channel_count) : Module(std::move(here)), channels(channel_count) {}

  mx::array operator()(const mx::array& input) const;

  int channels;
  Conv2d conv{at("conv"), channels, channels, {.kernel = 3, .padding = 1}};
};

} // namespace mflux::nn
