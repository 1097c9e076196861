#include "mflux/nn/upsample2d.h"

namespace mflux::nn {

mx::array Upsample2D::operator()(const mx::array& input) const {
  expect_image(input, channels);
  const auto call = this->call();
  const auto x = call.in(input, Axes::channels_last);
  const int batch = x.shape(0), height = x.shape(1), width = x.shape(2);
  const auto pixels = mx::reshape(x, {batch, height, 1, width, 1, channels});
  const auto fours = mx::broadcast_to(pixels, {batch, height, 2, width, 2, channels});
  return call.out(
      conv(mx::reshape(fours, {batch, 2 * height, 2 * width, channels})), Axes::channels_last);
}

} // namespace mflux::nn
