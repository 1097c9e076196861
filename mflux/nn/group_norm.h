#pragma once

#include "mflux/nn/fused/group_norm.h"
#include "mflux/nn/module.h"

namespace mflux::nn {

/// (x − mean) / √(var + eps) · weight + bias, with mean and variance per group of neighbouring
/// channels over all positions of x [batch, …, channels]. Statistics and output are computed in
/// float32 and rounded once. Reference: torch.nn.GroupNorm.
struct GroupNorm : Module {
  GroupNorm(Scope here, int groups, int channels, float eps);

  mx::array operator()(const mx::array& input) const;

  /// SiLU of the same, of an image that is yet to be added up; without checkpoints.
  fused::GroupNormed then_silu(const fused::Pending& image) const;

  int groups;
  float eps;
  mx::array weight, bias; ///< float32 [channels]
};

} // namespace mflux::nn
