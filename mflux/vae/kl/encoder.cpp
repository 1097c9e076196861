#include "mflux/vae/kl/encoder.h"

#include "mflux/vae/kl/fused.h"

namespace mflux::kl {

DownBlock::DownBlock(Scope here, const CoderConfig& config, int level) : Module(std::move(here)) {
  const int out = config.block_out_channels[level];
  const int in = config.block_out_channels[level == 0 ? 0 : level - 1];
  resnets = nn::stack_of(at("resnets"), config.layers_per_block, [&](Scope scope, int i) {
    return ResnetBlock(std::move(scope), i == 0 ? in : out, out, config.norm_num_groups);
  });
  const bool is_last = level == config.levels() - 1;
  downsamplers = nn::stack<nn::Downsample2D>(at("downsamplers"), is_last ? 0 : 1, out);
}

mx::array DownBlock::operator()(const mx::array& input) const {
  const auto call = this->call();
  auto x = call.in(input, nn::Axes::channels_last);
  for (const auto& resnet : resnets) {
    x = resnet(x);
  }
  for (const auto& downsample : downsamplers) {
    x = downsample(x);
  }
  return call.out(x, nn::Axes::channels_last);
}

mx::array Encoder::operator()(const mx::array& input) const {
  expect_image(input, config.in_channels);
  if (takes_fused_path(input.dtype())) {
    return fused_encode(*this, input);
  }
  const auto call = this->call();
  auto x = conv_in(call.in(input, nn::Axes::channels_last));
  for (const auto& block : down_blocks) {
    x = block(x);
  }
  x = conv_out(conv_act(conv_norm_out(mid_block(x))));
  return call.out(x, nn::Axes::channels_last);
}

} // namespace mflux::kl
