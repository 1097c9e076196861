#pragma once

#include "mflux/nn/module.h"

namespace mflux::nn {

/// x · sigmoid(x), rounded once. Reference: torch.nn.SiLU.
mx::array silu(const mx::array& x);

/// The same as a module.
struct SiLU : Module {
  SiLU(Scope here, Axes layout) : Module(std::move(here)), axes(layout) {}

  mx::array operator()(const mx::array& input) const;

  Axes axes;
};

} // namespace mflux::nn
