#include "mflux/vae/kl/attention_block.h"

#include "mflux/nn/attention.h"

namespace mflux::kl {

mx::array AttentionBlock::operator()(const mx::array& input) const {
  expect_image(input, channels);
  const auto call = this->call();
  const auto x = call.in(input, nn::Axes::channels_last);
  const auto tokens = group_norm(mx::flatten(x, 1, 2));
  const auto q = to_q(tokens);
  const auto k = to_k(tokens);
  const auto v = to_v(tokens);
  const auto mixed = dropout(to_out(nn::attend(q, k, v)));
  return call.out(mx::add(mx::reshape(mixed, x.shape()), x), nn::Axes::channels_last);
}

} // namespace mflux::kl
