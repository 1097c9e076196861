#pragma once

#include <optional>

#include "mflux/nn/module.h"

namespace mflux::nn {

enum class Bias { no, yes };

/// y = x Wᵀ + b over the last axis of x [batch, …, in]. Reference: torch.nn.Linear.
struct Linear : Module {
  Linear(Scope here, int in, int out, Bias with_bias = Bias::no);

  mx::array operator()(const mx::array& input) const;

  mx::array weight; ///< [out, in]
  std::optional<mx::array> bias;
};

} // namespace mflux::nn
