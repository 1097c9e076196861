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
  return call.out(linear(call.in(input, Axes::as_is), weight, bias), Axes::as_is);
}

mx::array linear(
    const mx::array& x, const mx::array& weight, const std::optional<mx::array>& bias) {
  const auto dtype = compute_dtype(x.dtype());
  const auto wide = mx::astype(x, dtype);
  const auto wt = mx::transpose(mx::astype(weight, dtype));
  const auto y = bias ? mx::addmm(mx::astype(*bias, dtype), wide, wt) : mx::matmul(wide, wt);
  return mx::astype(y, x.dtype());
}

mx::array join_weights(const std::vector<Linear*>& layers) {
  std::vector<mx::array> weights;
  for (const auto* layer : layers) {
    weights.push_back(layer->weight);
  }
  auto joined = mx::concatenate(weights, 0);
  int begin = 0;
  for (auto* layer : layers) {
    const int end = begin + layer->weight.shape(0);
    layer->weight = mx::slice(joined, {begin, 0}, {end, joined.shape(1)});
    begin = end;
  }
  return joined;
}

} // namespace mflux::nn
