#pragma once

#include "mflux/nn/layer_norm.h"
#include "mflux/nn/linear.h"
#include "mflux/nn/silu.h"

namespace mflux::flux2 {

/// LayerNorm(x) · (1 + scale) + shift for x [batch, tokens, dim], where (scale, shift), in that
/// order, come from the conditioning [batch, dim]. Reference: diffusers AdaLayerNormContinuous.
struct AdaLayerNormContinuous : nn::Module {
  AdaLayerNormContinuous(Scope here, int width, float epsilon)
      : Module(std::move(here)), dim(width), eps(epsilon) {}

  mx::array operator()(const mx::array& x, const mx::array& conditioning_embedding) const;

  int dim;
  float eps;
  nn::SiLU silu{at("silu"), nn::Axes::as_is};
  nn::Linear linear{at("linear"), dim, 2 * dim};
  nn::LayerNorm norm{at("norm"), dim, eps};
};

} // namespace mflux::flux2
