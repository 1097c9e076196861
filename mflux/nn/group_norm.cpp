#include "mflux/nn/group_norm.h"

namespace mflux::nn {
namespace {

/// The mean of each group of x [batch, rows, columns, channels], spread over the group's channels:
/// [batch, 1, 1, channels]. One axis after the other: a single reduction over positions and
/// channels of a group is two orders slower on CUDA, and long float32 sums lose more.
mx::array group_mean(const mx::array& x, int groups) {
  const int batch = x.shape(0), channels = x.shape(3);
  const auto per_channel = mx::mean(mx::mean(x, 2), 1);
  const auto per_group = mx::mean(mx::reshape(per_channel, {batch, groups, -1}), 2, true);
  const auto spread = mx::broadcast_to(per_group, {batch, groups, channels / groups});
  return mx::reshape(spread, {batch, 1, 1, channels});
}

} // namespace

GroupNorm::GroupNorm(Scope here, int group_count, int channels, float epsilon)
    : Module(std::move(here)),
      groups(group_count),
      eps(epsilon),
      weight(parameter("weight", {channels})),
      bias(parameter("bias", {channels})) {}

mx::array GroupNorm::operator()(const mx::array& input) const {
  const int channels = weight.shape(0);
  expect_channels(input, channels);
  if (input.ndim() != 3 && input.ndim() != 4) {
    reject(input, "three or four axes");
  }
  const auto call = this->call();
  const auto seen = call.in(input, Axes::channels_last);
  const int columns = seen.ndim() == 4 ? seen.shape(2) : 1;
  const auto x = mx::reshape(mx::astype(seen, mx::float32), {seen.shape(0), -1, columns, channels});

  const auto centred = mx::subtract(x, group_mean(x, groups));
  const auto variance = group_mean(mx::square(centred), groups);
  const auto scale = mx::multiply(mx::rsqrt(mx::add(variance, mx::array(eps))), weight);
  const auto y = mx::add(mx::multiply(centred, scale), bias);
  return call.out(mx::astype(mx::reshape(y, input.shape()), input.dtype()), Axes::channels_last);
}

} // namespace mflux::nn
