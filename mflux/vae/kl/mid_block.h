#pragma once

#include <vector>

#include "mflux/vae/kl/attention_block.h"
#include "mflux/vae/kl/resnet_block.h"

namespace mflux::kl {

/// Two resnet blocks with an attention block between them, if the config has one.
/// Reference: diffusers UNetMidBlock2D.
struct MidBlock : nn::Module {
  MidBlock(Scope here, int channel_count, const CoderConfig& c)
      : Module(std::move(here)), config(c), channels(channel_count) {}

  mx::array operator()(const mx::array& input) const;

  CoderConfig config;
  int channels;

  std::vector<AttentionBlock> attentions = nn::stack<AttentionBlock>(
      at("attentions"), config.mid_block_add_attention ? 1 : 0, channels, config.norm_num_groups);
  std::vector<ResnetBlock> resnets =
      nn::stack<ResnetBlock>(at("resnets"), 2, channels, channels, config.norm_num_groups);
};

} // namespace mflux::kl
