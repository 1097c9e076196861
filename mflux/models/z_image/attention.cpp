#include "mflux/models/z_image/attention.h"

#include "mflux/nn/attention.h"

namespace mflux::z_image {

mx::array Attention::operator()(
    const mx::array& input,
    const std::optional<mx::array>& attention_mask,
    const Rotary& freqs_cis) const {
  const auto call = this->call();
  const auto x = call.in("hidden_states", input, nn::Axes::as_is);
  std::optional<mx::array> mask;
  if (attention_mask) {
    const auto valid = call.in("attention_mask", *attention_mask, nn::Axes::as_is);
    mask =
        mx::broadcast_to(mx::expand_dims(valid, {1, 2}), {x.shape(0), 1, x.shape(1), x.shape(1)});
  }
  const auto& tables = freqs_cis.seen(call).tables;

  const auto by_head = [&](const mx::array& y) { return mx::unflatten(y, 2, {-1, head_dim}); };
  auto q = by_head(to_q(x)), k = by_head(to_k(x));
  const auto v = by_head(to_v(x));
  if (norm_q && norm_k) {
    q = (*norm_q)(q);
    k = (*norm_k)(k);
  }
  const auto mixed =
      nn::attend_heads(nn::rotate_pairs(q, tables), nn::rotate_pairs(k, tables), v, mask);
  return call.out(dropout(to_out(mx::flatten(mixed, 2, 3))), nn::Axes::as_is);
}

} // namespace mflux::z_image
