#include "mflux/vae/kl/mid_block.h"

namespace mflux::kl {

mx::array MidBlock::operator()(const mx::array& input) const {
  const auto call = this->call();
  auto x = resnets[0](call.in(input, nn::Axes::channels_last));
  for (const auto& attention : attentions) {
    x = attention(x);
  }
  return call.out(resnets[1](x), nn::Axes::channels_last);
}

} // namespace mflux::kl
