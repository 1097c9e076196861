#pragma once

#include "mflux/nn/fused/pending.h"

namespace mflux::nn::fused {

struct GroupNormOptions {
  int groups;
  float eps;
  bool activates; ///< SiLU follows
};

struct GroupNormed {
  Pending image;    ///< the input; what was to be added now is
  mx::array normed; ///< [batch, height, width, channels]
};

/// weight · GroupNorm(image) + bias over groups of neighbouring channels, statistics in float32;
/// weight and bias are float32 [channels].
GroupNormed group_norm(
    const Pending& image,
    const mx::array& weight,
    const mx::array& bias,
    const GroupNormOptions& options);

} // namespace mflux::nn::fused
