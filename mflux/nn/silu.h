#pragma once

#include "mflux/nn/module.h"

namespace mflux::nn {

/// x · sigmoid(x). Reference: torch.nn.SiLU.
struct SiLU : Module {
  SiLU(Scope here, Axes layout) : Module(std::move(here)), axes(layout) {}

  mx::array operator()(const mx::array& input) const;

  Axes axes;
};

} // namespace mflux::nn
