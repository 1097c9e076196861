#include "mflux/nn/downsample2d.h"

namespace mflux::nn {

mx::array Downsample2D::operator()(const mx::array& input) const {
  expect_image(input, channels);
  if (input.shape(1) < 2 || input.shape(2) < 2) {
    reject(input, "sides of at least 2");
  }
  const auto call = this->call();
  const auto x = call.in(input, Axes::channels_last);
  return call.out(conv(mx::pad(x, {{0, 0}, {0, 1}, {0, 1}, {0, 0}})), Axes::channels_last);
}

} // namespace mflux::nn
