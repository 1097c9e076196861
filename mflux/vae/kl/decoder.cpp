#include "mflux/vae/kl/decoder.h"

#include <algorithm>

#include "mflux/vae/kl/fused.h"

namespace mflux::kl {

UpBlock::UpBlock(Scope here, const CoderConfig& config, int step) : Module(std::move(here)) {
  const int level = config.levels() - 1 - step;
  const int out = config.block_out_channels[level];
  const int in = config.block_out_channels[std::min(level + 1, config.levels() - 1)];
  resnets = nn::stack_of(at("resnets"), config.layers_per_block + 1, [&](Scope scope, int i) {
    return ResnetBlock(std::move(scope), i == 0 ? in : out, out, config.norm_num_groups);
  });
  upsamplers = nn::stack<nn::Upsample2D>(at("upsamplers"), level == 0 ? 0 : 1, out);
}

mx::array UpBlock::operator()(const mx::array& input) const {
  const auto call = this->call();
  auto x = call.in(input, nn::Axes::channels_last);
  for (const auto& resnet : resnets) {
    x = resnet(x);
  }
  for (const auto& upsample : upsamplers) {
    x = upsample(x);
  }
  return call.out(x, nn::Axes::channels_last);
}

mx::array Decoder::operator()(const mx::array& input) const {
  expect_image(input, config.in_channels);
  if (takes_fused_path(input.dtype())) {
    return fused_decode(*this, input);
  }
  const auto call = this->call();
  auto x = mid_block(conv_in(call.in(input, nn::Axes::channels_last)));
  for (const auto& block : up_blocks) {
    x = block(x);
  }
  x = conv_out(conv_act(conv_norm_out(x)));
  return call.out(x, nn::Axes::channels_last);
}

} // namespace mflux::kl
