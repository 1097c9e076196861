#include "mflux/nn/group_norm.h"

namespace mflux::nn {

GroupNorm::GroupNorm(Scope here, int group_count, int channels, float epsilon)
    : Module(std::move(here)),
      groups(group_count),
      eps(epsilon),
      weight(mx::astype(parameter("weight", {channels}), mx::float32)),
      bias(mx::astype(parameter("bias", {channels}), mx::float32)) {}

mx::array GroupNorm::operator()(const mx::array& input) const {
  const int channels = weight.shape(0);
  expect_channels(input, channels);
  if (input.ndim() != 3 && input.ndim() != 4) {
    reject(input, "three or four axes");
  }
  const auto call = this->call();
  const auto x = call.in(input, Axes::channels_last);
  const int columns = x.ndim() == 4 ? x.shape(2) : 1;
  const auto image = mx::reshape(x, {x.shape(0), -1, columns, channels});
  const auto y = fused::group_norm(
      {.x = image}, weight, bias, {.groups = groups, .eps = eps, .activates = false});
  return call.out(mx::reshape(y.normed, input.shape()), Axes::channels_last);
}

fused::GroupNormed GroupNorm::then_silu(const fused::Pending& image) const {
  return fused::group_norm(image, weight, bias, {.groups = groups, .eps = eps, .activates = true});
}

} // namespace mflux::nn
