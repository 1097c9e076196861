#include "mflux/nn/layer_norm.h"

namespace mflux::nn {

mx::array LayerNorm::operator()(const mx::array& input) const {
  expect_channels(input, channels);
  const auto call = this->call();
  const auto x = mx::astype(call.in(input, Axes::as_is), mx::float32);
  const auto y = mx::fast::layer_norm(x, std::nullopt, std::nullopt, eps);
  return call.out(mx::astype(y, input.dtype()), Axes::as_is);
}

} // namespace mflux::nn
