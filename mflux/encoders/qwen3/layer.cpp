#include "mflux/encoders/qwen3/layer.h"

namespace mflux::qwen3 {

using nn::Axes;

mx::array DecoderLayer::operator()(const mx::array& hidden_states, const Context& context) const {
  expect_channels(hidden_states, config.hidden_size);
  const auto call = this->call();
  const auto x = call.in("hidden_states", hidden_states, Axes::as_is);
  Context seen = context;
  if (context.mask) {
    seen.mask = call.in("attention_mask", *context.mask, Axes::as_is);
  }
  auto& positions = seen.positions;
  positions.ids = call.in("position_ids", positions.ids, Axes::as_is);
  positions.cos = call.in("position_embeddings.0", positions.cos, Axes::as_is);
  positions.sin = call.in("position_embeddings.1", positions.sin, Axes::as_is);

  const auto attended = mx::add(x, self_attn(input_layernorm(x), seen));
  return call.out(mx::add(attended, mlp(post_attention_layernorm(attended))), Axes::as_is);
}

} // namespace mflux::qwen3
