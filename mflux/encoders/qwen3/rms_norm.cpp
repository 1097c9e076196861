#include "mflux/encoders/qwen3/rms_norm.h"

namespace mflux::qwen3 {

mx::array RMSNorm::operator()(const mx::array& input) const {
  expect_channels(input, weight.shape(0));
  const auto call = this->call();
  const auto x = call.in(input, nn::Axes::as_is);
  return call.out(mx::fast::rms_norm(x, weight, eps), nn::Axes::as_is);
}

} // namespace mflux::qwen3
