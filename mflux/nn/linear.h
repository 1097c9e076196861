#pragma once

#include <optional>

#include <optional>
#include <vector>

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

/// x Wᵀ (+ b), as Linear computes it.
mx::array linear(
    const mx::array& x,
    const mx::array& weight,
    const std::optional<mx::array>& bias = std::nullopt);

/// Puts the weights of layers without bias one after the other, [sum of outs, in], so that one
/// product gives all of their outputs; each layer's own weight is then a view of that.
mx::array join_weights(const std::vector<Linear*>& layers);

} // namespace mflux::nn
