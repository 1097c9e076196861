#include "mflux/nn/fused/group_norm.h"

#include <algorithm>

#include "mflux/nn/fused/launch.h"

namespace mflux::nn::fused {
namespace {

constexpr int kThreads = 256, kWarp = 32;
constexpr int kMostGroups = 1024;
constexpr int kBlocks = 1056; // eight for each of a large GPU's multiprocessors

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

GroupNormed composed(
    const Pending& image,
    const mx::array& weight,
    const mx::array& bias,
    const GroupNormOptions& options) {
  const auto type = image.x.dtype();
  // What was to be added now is, and rounded; an offset alone stays to be added.
  const Pending after = image.added ? Pending{.x = settled(image)} : image;
  auto x = mx::astype(after.x, mx::float32);
  if (after.offset) {
    x = mx::add(x, *after.offset);
  }
  const auto centred = mx::subtract(x, group_mean(x, options.groups));
  const auto variance = group_mean(mx::square(centred), options.groups);
  const auto scale = mx::multiply(mx::rsqrt(mx::add(variance, mx::array(options.eps))), weight);
  auto y = mx::add(mx::multiply(centred, scale), bias);
  if (options.activates) {
    y = mx::multiply(y, mx::sigmoid(y));
  }
  return {.image = after, .normed = mx::astype(y, type)};
}

bool fits_kernel(int channels, int groups) {
  const int vectors = channels / kVector, per_group = channels / groups;
  return channels % kVector == 0 && vectors <= kThreads && groups <= kMostGroups &&
         (per_group % kVector == 0 || kVector % per_group == 0);
}

} // namespace

GroupNormed group_norm(
    const Pending& image,
    const mx::array& weight,
    const mx::array& bias,
    const GroupNormOptions& options) {
  const auto& x = image.x;
  const int channels = x.shape(3), groups = options.groups;
  if (!has_kernels(x.dtype()) || !fits_kernel(channels, groups) || x.size() == 0) {
    return composed(image, weight, bias, options);
  }
  const int batch = x.shape(0), rows = x.shape(1) * x.shape(2), vectors = channels / kVector;
  const int per_block = std::max(kThreads / vectors, rows / kBlocks + 1);
  const int blocks = (rows + per_block - 1) / per_block;
  const int adds = image.added ? 1 : 0, has_offset = image.offset ? 1 : 0;
  const auto y = image.added.value_or(x);
  const auto offset = image.offset.value_or(x);

  const auto sums = launch(
      {.kernel = "group_sums",
       .inputs = {x, y, offset},
       .shapes = {adds ? x.shape() : mx::Shape{kVector}, {batch, blocks, 2, groups}},
       .dtypes = {x.dtype(), mx::float32},
       .scalars = {rows, vectors, groups, blocks, per_block, adds, has_offset},
       .blocks = int64_t{batch} * blocks,
       .threads = kThreads});
  const int64_t lanes = int64_t{batch} * groups * kWarp;
  const auto factors = launch(
      {.kernel = "group_factors",
       .inputs = {sums[1], x, y, offset, weight, bias},
       .shapes = {{batch, 2, channels}},
       .dtypes = {mx::float32},
       .scalars = {batch, rows, vectors, groups, blocks, options.eps, adds, has_offset},
       .blocks = (lanes + kThreads - 1) / kThreads,
       .threads = kThreads})[0];
  const auto sum = adds ? sums[0] : x;
  const auto normed = launch(
      {.kernel = "scale_shift_silu",
       .inputs = {sum, factors},
       .shapes = {x.shape()},
       .dtypes = {x.dtype()},
       .scalars = {batch, rows, vectors, options.activates ? 1 : 0},
       .blocks = (int64_t{batch} * rows * vectors + kThreads - 1) / kThreads,
       .threads = kThreads})[0];
  return {
      .image = adds ? Pending{.x = sum} : Pending{.x = x, .offset = image.offset},
      .normed = normed};
}

} // namespace mflux::nn::fused
