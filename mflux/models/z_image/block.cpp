#include "mflux/models/z_image/block.h"

#include "mflux/nn/compute.h"
#include "mflux/nn/silu.h"

namespace mflux::z_image {
namespace {

/// x + tanh(gate) · y, rounded once.
mx::array add_gated(const mx::array& x, const mx::array& gate, const mx::array& y) {
  const auto dtype = nn::compute_dtype(x.dtype());
  const auto gated = mx::multiply(mx::tanh(mx::astype(gate, dtype)), mx::astype(y, dtype));
  return mx::astype(mx::add(mx::astype(x, dtype), gated), x.dtype());
}

} // namespace

mx::array scaled(const mx::array& x, const mx::array& scale) {
  const auto dtype = nn::compute_dtype(x.dtype());
  const auto factor = mx::add(mx::array(1.0f, dtype), mx::astype(scale, dtype));
  return mx::astype(mx::multiply(mx::astype(x, dtype), factor), x.dtype());
}

mx::array FeedForward::operator()(const mx::array& input) const {
  const auto call = this->call();
  const auto x = call.in(input, nn::Axes::as_is);
  const auto gate = nn::silu(w1(x));
  return call.out(w2(mx::multiply(gate, w3(x))), nn::Axes::as_is);
}

mx::array Modulation::operator()(const mx::array& input) const {
  const auto call = this->call();
  return call.out(linear(call.in(input, nn::Axes::as_is)), nn::Axes::as_is);
}

mx::array TransformerBlock::operator()(
    const mx::array& input,
    const std::optional<mx::array>& attn_mask,
    const Rotary& freqs_cis,
    const std::optional<mx::array>& adaln) const {
  const auto call = this->call();
  auto x = call.in("x", input, nn::Axes::as_is);
  const auto mask =
      attn_mask ? std::optional(call.in("attn_mask", *attn_mask, nn::Axes::as_is)) : std::nullopt;
  const auto rotary = freqs_cis.seen(call);
  if (!adaLN_modulation || !adaln) {
    x = mx::add(x, attention_norm2(attention(attention_norm1(x), mask, rotary)));
    x = mx::add(x, ffn_norm2(feed_forward(ffn_norm1(x))));
    return call.out(x, nn::Axes::as_is);
  }
  const auto modulation = (*adaLN_modulation)(call.in("adaln_input", *adaln, nn::Axes::as_is));
  const auto parts = mx::split(mx::expand_dims(modulation, 1), 4, 2);
  const auto attended = attention(scaled(attention_norm1(x), parts[0]), mask, rotary);
  x = add_gated(x, parts[1], attention_norm2(attended));
  x = add_gated(x, parts[3], ffn_norm2(feed_forward(scaled(ffn_norm1(x), parts[2]))));
  return call.out(x, nn::Axes::as_is);
}

} // namespace mflux::z_image
