#include "mflux/vae/kl/resnet_block.h"

namespace mflux::kl {

ResnetBlock::ResnetBlock(Scope here, int in, int out, int groups)
    : Module(std::move(here)),
      norm1(at("norm1"), groups, in, kNormEps),
      conv1(at("conv1"), in, out, {.kernel = 3, .padding = 1}),
      norm2(at("norm2"), groups, out, kNormEps),
      conv2(at("conv2"), out, out, {.kernel = 3, .padding = 1}) {
  if (in != out) {
    conv_shortcut.emplace(at("conv_shortcut"), in, out, nn::Conv2d::Options{.kernel = 1});
  }
}

mx::array ResnetBlock::operator()(const mx::array& input) const {
  const auto call = this->call();
  const auto x = call.in(input, nn::Axes::channels_last);
  const auto h = conv1(nonlinearity(norm1(x)));
  const auto y = conv2(dropout(nonlinearity(norm2(h))));
  return call.out(mx::add(conv_shortcut ? (*conv_shortcut)(x) : x, y), nn::Axes::channels_last);
}

} // namespace mflux::kl
