#pragma once

#include "mflux/nn/module.h"

namespace mflux::nn {

/// x / √(mean(x²) + eps), rounded to x's type, then times weight (and rounded again), over the last
/// axis of x [batch, …, channels]. torch.nn.RMSNorm (nn::RMSNorm) rounds only once. Reference:
/// transformers Qwen3RMSNorm, diffusers RMSNorm.
struct TwiceRoundedRMSNorm : Module {
  TwiceRoundedRMSNorm(Scope here, int channels, double epsilon)
      : Module(std::move(here)),
        eps(static_cast<float>(epsilon)),
        weight(parameter("weight", {channels})) {}

  mx::array operator()(const mx::array& input) const;

  float eps;
  mx::array weight; ///< [channels]
};

} // namespace mflux::nn
