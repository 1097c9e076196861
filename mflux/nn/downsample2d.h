#pragma once

#include "mflux/nn/conv2d.h"

namespace mflux::nn {

/// Halves height and width (rounding down) of x [batch, height, width, channels]: one row of zeros
/// below and one column to the right, then a 3×3 convolution of stride 2. Reference: diffusers
/// Downsample2D with padding 0.
struct Downsample2D : Module {
  Downsample2D(Scope here, int channel_count) : Module(std::move(here)), channels(channel_count) {}

  mx::array operator()(const mx::array& input) const;

  int channels;
  Conv2d conv{at("conv"), channels, channels, {.kernel = 3, .stride = 2, .padding = 0}};
};

} // namespace mflux::nn
