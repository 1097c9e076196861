#include "mflux/nn/conv2d.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/nn/compute.h"

namespace mflux::nn {

Conv2d::Conv2d(Scope here, int in, int out, const Options& how)
    : Module(std::move(here)),
      options(how),
      weight(mx::contiguous(
          mx::transpose(parameter("weight", {out, in, how.kernel, how.kernel}), {0, 2, 3, 1}))),
      bias(parameter("bias", {out})) {}

mx::array Conv2d::operator()(const mx::array& input) const {
  expect_image(input, weight.shape(3));
  const int shorter = std::min(input.shape(1), input.shape(2)) + 2 * options.padding;
  if (shorter < options.kernel) {
    reject(input, fmt::format("sides of at least {}", options.kernel - 2 * options.padding));
  }
  const auto call = this->call();
  const auto dtype = compute_dtype(input.dtype());
  const auto x = mx::astype(call.in(input, Axes::channels_last), dtype);
  const auto y = mx::conv2d(
      x,
      mx::astype(weight, dtype),
      {options.stride, options.stride},
      {options.padding, options.padding});
  return call.out(
      mx::astype(mx::add(y, mx::astype(bias, dtype)), input.dtype()), Axes::channels_last);
}

} // namespace mflux::nn
