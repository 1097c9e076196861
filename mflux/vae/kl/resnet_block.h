#pragma once

#include <optional>

#include "mflux/nn/conv2d.h"
#include "mflux/nn/dropout.h"
#include "mflux/nn/group_norm.h"
#include "mflux/nn/silu.h"
#include "mflux/vae/kl/config.h"

namespace mflux::kl {

/// x + conv(silu(norm(conv(silu(norm(x)))))) of images [batch, height, width, channels]; a 1×1
/// convolution fits x where the channels change. Reference: diffusers ResnetBlock2D without time
/// embedding.
struct ResnetBlock : nn::Module {
  ResnetBlock(Scope here, int in, int out, int groups);

  mx::array operator()(const mx::array& input) const;

  nn::GroupNorm norm1;
  nn::Conv2d conv1;
  nn::GroupNorm norm2;
  nn::Dropout dropout{at("dropout"), nn::Axes::channels_last};
  nn::Conv2d conv2;
  nn::SiLU nonlinearity{at("nonlinearity"), nn::Axes::channels_last};
  std::optional<nn::Conv2d> conv_shortcut;
};

} // namespace mflux::kl
