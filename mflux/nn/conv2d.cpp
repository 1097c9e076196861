#include "mflux/nn/conv2d.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "mflux/nn/compute.h"

namespace mflux::nn {

mx::array convolve(
    const mx::array& x, const mx::array& weight, int stride, int padding, int64_t max_unfolded) {
  const int batch = x.shape(0), kernel = weight.shape(1), channels = weight.shape(3);
  const int height = (x.shape(1) + 2 * padding - kernel) / stride + 1;
  const int width = (x.shape(2) + 2 * padding - kernel) / stride + 1;
  const int64_t row = int64_t{batch} * width * kernel * kernel * channels;
  const int rows = static_cast<int>(std::clamp<int64_t>(max_unfolded / row, 1, height));
  if (rows == height || kernel == 1) {
    return mx::conv2d(x, weight, {stride, stride}, {padding, padding});
  }
  const auto padded = mx::pad(x, {{0, 0}, {padding, padding}, {padding, padding}, {0, 0}});
  std::vector<mx::array> strips;
  for (int begin = 0; begin < height; begin += rows) {
    const int end = std::min(begin + rows, height);
    const auto strip = mx::slice(
        padded,
        {0, begin * stride, 0, 0},
        {batch, (end - 1) * stride + kernel, padded.shape(2), channels});
    strips.push_back(mx::conv2d(strip, weight, {stride, stride}));
  }
  return mx::concatenate(strips, 1);
}

Conv2d::Conv2d(Scope here, int in, int out, const Options& how)
    : Module(std::move(here)),
      options(how),
      weight(mx::contiguous(
          mx::transpose(parameter("weight", {out, in, how.kernel, how.kernel}), {0, 2, 3, 1}))),
      bias(parameter("bias", {out})),
      offset(mx::astype(bias, mx::float32)) {}

mx::array Conv2d::operator()(const mx::array& input) const {
  const auto call = this->call();
  const auto dtype = compute_dtype(input.dtype());
  const auto y = convolved(mx::astype(call.in(input, Axes::channels_last), dtype));
  return call.out(
      mx::astype(mx::add(y, mx::astype(bias, dtype)), input.dtype()), Axes::channels_last);
}

mx::array Conv2d::without_bias(const mx::array& input) const {
  return mx::astype(convolved(mx::astype(input, compute_dtype(input.dtype()))), input.dtype());
}

mx::array Conv2d::convolved(const mx::array& x) const {
  expect_image(x, weight.shape(3));
  const int shorter = std::min(x.shape(1), x.shape(2)) + 2 * options.padding;
  if (shorter < options.kernel) {
    reject(x, fmt::format("sides of at least {}", options.kernel - 2 * options.padding));
  }
  const bool unfolds = mx::default_device() == mx::Device::cpu;
  return convolve(
      x,
      mx::astype(weight, x.dtype()),
      options.stride,
      options.padding,
      unfolds ? kMaxUnfolded : std::numeric_limits<int64_t>::max());
}

} // namespace mflux::nn
