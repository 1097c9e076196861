#include "mflux/encoders/qwen3/rotary_embedding.h"

#include <cmath>

namespace mflux::qwen3 {
namespace {

/// As the reference rounds: exponent, power and reciprocal are float32 each.
std::vector<float> inverse_frequencies(int head_dim, double theta) {
  std::vector<float> out;
  for (int i = 0; i < head_dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(head_dim);
    const double base = static_cast<float>(theta);
    out.push_back(1.0f / static_cast<float>(std::pow(base, static_cast<double>(exponent))));
  }
  return out;
}

} // namespace

Positions RotaryEmbedding::operator()(const mx::array& hidden_states) const {
  const int tokens = hidden_states.shape(1);
  const auto call = this->call();
  call.in("x", hidden_states, nn::Axes::as_is);
  const auto ids = mx::expand_dims(mx::arange(0, tokens, 1, mx::int64), 0);
  call.in("position_ids", ids, nn::Axes::as_is);

  const auto frequencies = inverse_frequencies(head_dim, theta);
  std::vector<float> cos, sin;
  cos.reserve(tokens * frequencies.size());
  sin.reserve(cos.capacity());
  for (int token = 0; token < tokens; ++token) {
    for (const float frequency : frequencies) {
      const double angle = static_cast<float>(token) * frequency;
      cos.push_back(static_cast<float>(std::cos(angle)));
      sin.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  const auto table = [&](const std::vector<float>& values) {
    const mx::array half(values.data(), {1, tokens, static_cast<int>(frequencies.size())});
    return mx::astype(mx::concatenate({half, half}, 2), hidden_states.dtype());
  };
  return {
      .ids = ids,
      .cos = call.out(0, table(cos), nn::Axes::as_is),
      .sin = call.out(1, table(sin), nn::Axes::as_is)};
}

} // namespace mflux::qwen3
