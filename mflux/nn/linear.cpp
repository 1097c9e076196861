#include "mflux/nn/linear.h"

#include "mflux/nn/compute.h"

namespace mflux::nn {

Linear::Linear(Scope here, int in, int out, Bias with_bias)
    : Module(std::move(here)), weight(parameter("weight", {out, in})) {
  if (with_bias == Bias::yes) {
    bias = parameter("bias", {out});
  }
}

mx::array Linear::operator()(const mx::array& input) const {
  expect_channels(input, weight.shape(1));
  const auto call = this->call();
  const auto dtype = compute_dtype(input.dtype());
  const auto x = mx::astype(call.in(input, Axes::as_is), dtype);
  const auto wt = mx::transpose(mx::astype(weight, dtype));
  const auto y = bias ? mx::addmm(mx::astype(*bias, dtype), x, wt) : mx::matmul(x, wt);
  return call.out(mx::astype(y, input.dtype()), Axes::as_is);
}

} // namespace mflux::nn
