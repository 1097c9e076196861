#include "mflux/vae/kl/fused.h"

#include "mflux/nn/attention.h"
#include "mflux/nn/fused/upsample.h"

namespace mflux::kl {
namespace {

using nn::fused::Pending;
using nn::fused::settled;
using nn::fused::sum_of;

Pending convolved(const nn::Conv2d& conv, const mx::array& x) {
  return {.x = conv.without_bias(x), .offset = conv.offset};
}

/// A 1×1 convolution of an image with an offset: that of the offset is an offset again.
Pending shortcut(const nn::Conv2d& conv, const Pending& image) {
  auto y = convolved(conv, image.x);
  if (image.offset) {
    const auto matrix = mx::reshape(
        mx::astype(conv.weight, mx::float32), {conv.weight.shape(0), conv.weight.shape(3)});
    y.offset = mx::add(conv.offset, mx::matmul(matrix, *image.offset));
  }
  return y;
}

Pending resnet(const ResnetBlock& block, const Pending& input) {
  const auto first = block.norm1.then_silu(input);
  const auto second = block.norm2.then_silu(convolved(block.conv1, first.normed));
  const auto base = block.conv_shortcut ? shortcut(*block.conv_shortcut, first.image) : first.image;
  return {
      .x = base.x,
      .added = block.conv2.without_bias(second.normed),
      .offset = sum_of(base.offset, block.conv2.offset)};
}

Pending attended(const AttentionBlock& block, const Pending& input) {
  const auto x = settled(input);
  const auto tokens = block.group_norm(mx::flatten(x, 1, 2));
  const auto mixed = nn::attend(block.to_q(tokens), block.to_k(tokens), block.to_v(tokens));
  return {.x = x, .added = mx::reshape(block.to_out(mixed), x.shape())};
}

Pending through_middle(const MidBlock& block, const Pending& input) {
  auto image = resnet(block.resnets[0], input);
  for (const auto& attention : block.attentions) {
    image = attended(attention, image);
  }
  return resnet(block.resnets[1], image);
}

} // namespace

mx::array fused_decode(const Decoder& decoder, const mx::array& latents) {
  auto image = through_middle(decoder.mid_block, convolved(decoder.conv_in, latents));
  for (const auto& block : decoder.up_blocks) {
    for (const auto& step : block.resnets) {
      image = resnet(step, image);
    }
    for (const auto& upsampler : block.upsamplers) {
      image = convolved(upsampler.conv, nn::fused::upsample(image));
    }
  }
  return decoder.conv_out(decoder.conv_norm_out.then_silu(image).normed);
}

mx::array fused_encode(const Encoder& encoder, const mx::array& image) {
  auto x = convolved(encoder.conv_in, image);
  for (const auto& block : encoder.down_blocks) {
    for (const auto& step : block.resnets) {
      x = resnet(step, x);
    }
    for (const auto& downsampler : block.downsamplers) {
      x = {.x = downsampler(settled(x))};
    }
  }
  x = through_middle(encoder.mid_block, x);
  return encoder.conv_out(encoder.conv_norm_out.then_silu(x).normed);
}

} // namespace mflux::kl
