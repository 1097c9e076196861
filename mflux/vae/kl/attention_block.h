#pragma once

#include "mflux/nn/dropout.h"
#include "mflux/nn/group_norm.h"
#include "mflux/nn/linear.h"
#include "mflux/vae/kl/config.h"

namespace mflux::kl {

/// x + attention over all pixels of x [batch, height, width, channels], one head as wide as the
/// channels. Reference: diffusers Attention as UNetMidBlock2D makes it.
struct AttentionBlock : nn::Module {
  AttentionBlock(Scope here, int channel_count, int group_count)
      : Module(std::move(here)), channels(channel_count), groups(group_count) {}

  mx::array operator()(const mx::array& input) const;

  int channels, groups;

  nn::GroupNorm group_norm{at("group_norm"), groups, channels, kNormEps};
  nn::Linear to_q{at("to_q"), channels, channels, nn::Bias::yes};
  nn::Linear to_k{at("to_k"), channels, channels, nn::Bias::yes};
  nn::Linear to_v{at("to_v"), channels, channels, nn::Bias::yes};
  nn::Linear to_out{at("to_out.0"), channels, channels, nn::Bias::yes};
  nn::Dropout dropout{at("to_out.1"), nn::Axes::as_is};
};

} // namespace mflux::kl
