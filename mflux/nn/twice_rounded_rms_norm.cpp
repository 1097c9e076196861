#include "mflux/nn/twice_rounded_rms_norm.h"

namespace mflux::nn {

mx::array TwiceRoundedRMSNorm::operator()(const mx::array& input) const {
  expect_channels(input, weight.shape(0));
  const auto call = this->call();
  const auto x = call.in(input, Axes::as_is);
  return call.out(mx::fast::rms_norm(x, weight, eps), Axes::as_is);
}

} // namespace mflux::nn
