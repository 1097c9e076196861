#pragma once

#include "mflux/nn/module.h"

namespace mflux::nn {

/// (x − mean) / √(var + eps) over the last axis of x [batch, …, channels], without weight and bias.
/// Computed in float32 and rounded once. Reference: torch.nn.LayerNorm, elementwise_affine false.
struct LayerNorm : Module {
  LayerNorm(Scope here, int channel_count, float epsilon)
      : Module(std::move(here)), channels(channel_count), eps(epsilon) {}

  mx::array operator()(const mx::array& input) const;

  int channels;
  float eps;
};

} // namespace mflux::nn
