#pragma once

#include "mflux/nn/module.h"

namespace mflux::nn {

/// x / √(mean(x²) + eps) · weight over the last axis of x [batch, …, channels]. Computed in float32
/// and rounded once, after the weight (transformers' RMSNorms round before it).
/// Reference: torch.nn.RMSNorm.
struct RMSNorm : Module {
  RMSNorm(Scope here, int channels, float eps);

  mx::array operator()(const mx::array& input) const;

  float eps;
  mx::array weight; ///< [channels]
};

} // namespace mflux::nn
