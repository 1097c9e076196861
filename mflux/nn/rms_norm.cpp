#include "mflux/nn/rms_norm.h"

namespace mflux::nn {

RMSNorm::RMSNorm(Scope here, int channels, float epsilon)
    : Module(std::move(here)), eps(epsilon), weight(parameter("weight", {channels})) {}

mx::array RMSNorm::operator()(const mx::array& input) const {
  expect_channels(input, weight.shape(0));
  const auto call = this->call();
  const auto x = mx::astype(call.in(input, Axes::as_is), mx::float32);
  const auto y = mx::fast::rms_norm(x, mx::astype(weight, mx::float32), eps);
  return call.out(mx::astype(y, input.dtype()), Axes::as_is);
}

} // namespace mflux::nn
