#include "mflux/models/flux2/attention.h"

#include "mflux/models/flux2/taps.h"
#include "mflux/nn/attention.h"

namespace mflux::flux2 {
namespace {

/// [batch, tokens, heads · head_dim] → [batch, tokens, heads, head_dim]
mx::array by_head(const mx::array& x, int head_dim) {
  return mx::unflatten(x, 2, {-1, head_dim});
}

/// Attention of turned queries and keys: each [batch, tokens, heads, head_dim] → [batch, tokens,
/// heads · head_dim].
mx::array turn_and_attend(
    const mx::array& q, const mx::array& k, const mx::array& v, const nn::RotaryTables& rotary) {
  const auto mixed = nn::attend_heads(nn::rotate_pairs(q, rotary), nn::rotate_pairs(k, rotary), v);
  return mx::flatten(mixed, 2, 3);
}

} // namespace

Streams JointAttention::operator()(const Streams& input, const nn::RotaryTables& tables) const {
  const auto call = this->call();
  const auto image = call.in("hidden_states", input.image, nn::Axes::as_is);
  const auto text = call.in("encoder_hidden_states", input.text, nn::Axes::as_is);
  const auto rotary = tapped_rotary(call, tables);

  auto q = by_head(to_q(image), head_dim), k = by_head(to_k(image), head_dim);
  auto v = by_head(to_v(image), head_dim);
  auto text_q = by_head(add_q_proj(text), head_dim), text_k = by_head(add_k_proj(text), head_dim);
  const auto text_v = by_head(add_v_proj(text), head_dim);
  q = norm_q(q);
  k = norm_k(k);
  text_q = norm_added_q(text_q);
  text_k = norm_added_k(text_k);

  const auto mixed = turn_and_attend(
      mx::concatenate({text_q, q}, 1),
      mx::concatenate({text_k, k}, 1),
      mx::concatenate({text_v, v}, 1),
      rotary);
  const auto parts = mx::split(mixed, mx::Shape{text.shape(1)}, 1);
  const auto text_out = to_add_out(parts[0]);
  const auto image_out = dropout(to_out(parts[1]));
  return {
      .image = call.out(0, image_out, nn::Axes::as_is),
      .text = call.out(1, text_out, nn::Axes::as_is)};
}

void JointAttention::join() {
  to_qkv = nn::join_weights({&to_q, &to_k, &to_v});
  add_qkv = nn::join_weights({&add_q_proj, &add_k_proj, &add_v_proj});
}

mx::array ParallelAttention::operator()(
    const mx::array& input, const nn::RotaryTables& tables) const {
  const auto call = this->call();
  const auto x = call.in("hidden_states", input, nn::Axes::as_is);
  const auto rotary = tapped_rotary(call, tables);
  const auto parts = mx::split(to_qkv_mlp_proj(x), mx::Shape{dim, 2 * dim, 3 * dim}, 2);
  const auto q = norm_q(by_head(parts[0], head_dim));
  const auto k = norm_k(by_head(parts[1], head_dim));
  const auto mixed = turn_and_attend(q, k, by_head(parts[2], head_dim), rotary);
  const auto y = to_out(mx::concatenate({mixed, mlp_act_fn(parts[3])}, 2));
  return call.out(y, nn::Axes::as_is);
}

} // namespace mflux::flux2
