#pragma once

#include <vector>

#include "mflux/nn/downsample2d.h"
#include "mflux/vae/kl/mid_block.h"
#include "mflux/vae/kl/resnet_block.h"

namespace mflux::kl {

/// Resnet blocks, then half the size unless it is the last. Reference: diffusers
/// DownEncoderBlock2D.
struct DownBlock : nn::Module {
  DownBlock(Scope here, const CoderConfig& config, int level);

  mx::array operator()(const mx::array& input) const;

  std::vector<ResnetBlock> resnets;
  std::vector<nn::Downsample2D> downsamplers;
};

/// Image [batch, height, width, in_channels] → [batch, height', width', out_channels], each side
/// halved (rounding down) between levels. Reference: diffusers Encoder.
struct Encoder : nn::Module {
  Encoder(Scope here, const CoderConfig& c) : Module(std::move(here)), config(c) {}

  mx::array operator()(const mx::array& input) const;

  CoderConfig config;
  int first = config.block_out_channels.front(), last = config.block_out_channels.back();

  nn::Conv2d conv_in{at("conv_in"), config.in_channels, first, {.kernel = 3, .padding = 1}};
  std::vector<DownBlock> down_blocks =
      nn::stack_of(at("down_blocks"), config.levels(), [this](Scope scope, int level) {
        return DownBlock(std::move(scope), config, level);
      });
  MidBlock mid_block{at("mid_block"), last, config};
  nn::GroupNorm conv_norm_out{at("conv_norm_out"), config.norm_num_groups, last, kNormEps};
  nn::SiLU conv_act{at("conv_act"), nn::Axes::channels_last};
  nn::Conv2d conv_out{at("conv_out"), last, config.out_channels, {.kernel = 3, .padding = 1}};
};

} // namespace mflux::kl
