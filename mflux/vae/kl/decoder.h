#pragma once

#include <vector>

#include "mflux/nn/upsample2d.h"
#include "mflux/vae/kl/mid_block.h"
#include "mflux/vae/kl/resnet_block.h"

namespace mflux::kl {

/// One resnet block more than the encoder's, then twice the size unless it is the last.
/// Reference: diffusers UpDecoderBlock2D.
struct UpBlock : nn::Module {
  /// `step` counts from the latents: step 0 works on block_out_channels.back().
  UpBlock(Scope here, const CoderConfig& config, int step);

  mx::array operator()(const mx::array& input) const;

  std::vector<ResnetBlock> resnets;
  std::vector<nn::Upsample2D> upsamplers;
};

/// Latents [batch, height, width, in_channels] → image [batch, height', width', out_channels], each
/// side doubled between levels. Reference: diffusers Decoder.
struct Decoder : nn::Module {
  Decoder(Scope here, const CoderConfig& c) : Module(std::move(here)), config(c) {}

  mx::array operator()(const mx::array& input) const;

  CoderConfig config;
  int first = config.block_out_channels.back(), last = config.block_out_channels.front();

  nn::Conv2d conv_in{at("conv_in"), config.in_channels, first, {.kernel = 3, .padding = 1}};
  std::vector<UpBlock> up_blocks =
      nn::stack_of(at("up_blocks"), config.levels(), [this](Scope scope, int step) {
        return UpBlock(std::move(scope), config, step);
      });
  MidBlock mid_block{at("mid_block"), first, config};
  nn::GroupNorm conv_norm_out{at("conv_norm_out"), config.norm_num_groups, last, kNormEps};
  nn::SiLU conv_act{at("conv_act"), nn::Axes::channels_last};
  nn::Conv2d conv_out{at("conv_out"), last, config.out_channels, {.kernel = 3, .padding = 1}};
};

} // namespace mflux::kl
