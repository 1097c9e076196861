#include "mflux/encoders/qwen3/attention.h"

#include "mflux/nn/attention.h"
#include "mflux/nn/rotary_half.h"

namespace mflux::qwen3 {

using nn::Axes;

mx::array Attention::operator()(const mx::array& hidden_states, const Context& context) const {
  expect_channels(hidden_states, config.hidden_size);
  const auto call = this->call();
  const auto& positions = context.positions;
  const auto x = call.in("hidden_states", hidden_states, Axes::as_is);
  const auto cos = call.in("position_embeddings.0", positions.cos, Axes::as_is);
  const auto sin = call.in("position_embeddings.1", positions.sin, Axes::as_is);
  const auto mask =
      context.mask ? call.in("attention_mask", *context.mask, Axes::as_is) : context.causal;
  call.in("position_ids", positions.ids, Axes::as_is);

  const auto split_heads = [&](const mx::array& y, int heads) {
    return mx::reshape(y, {x.shape(0), x.shape(1), heads, config.head_dim});
  };
  const auto q = q_norm(split_heads(q_proj(x), config.num_attention_heads));
  const auto k = k_norm(split_heads(k_proj(x), config.num_key_value_heads));
  const auto v = split_heads(v_proj(x), config.num_key_value_heads);
  const auto mixed =
      nn::attend_heads(nn::rotate_halves(q, cos, sin), nn::rotate_halves(k, cos, sin), v, mask);
  return call.out(o_proj(mx::flatten(mixed, 2, 3)), Axes::as_is);
}

void Attention::join() {
  if (bias == nn::Bias::no) {
    qkv = nn::join_weights({&q_proj, &k_proj, &v_proj});
  }
}

} // namespace mflux::qwen3
