#include "mflux/encoders/qwen3/mlp.h"

namespace mflux::qwen3 {

mx::array MLP::operator()(const mx::array& input) const {
  expect_channels(input, hidden);
  const auto call = this->call();
  const auto x = call.in(input, nn::Axes::as_is);
  const auto gate = act_fn(gate_proj(x));
  return call.out(down_proj(mx::multiply(gate, up_proj(x))), nn::Axes::as_is);
}

} // namespace mflux::qwen3
