#pragma once

#include "mflux/nn/module.h"

namespace mflux::nn {

/// Nothing: dropout at inference. It stands for a name of the reference's module tree.
struct Dropout : Module {
  Dropout(Scope here, Axes layout) : Module(std::move(here)), axes(layout) {}

  mx::array operator()(const mx::array& input) const {
    const auto call = this->call();
    return call.out(call.in(input, axes), axes);
  }

  Axes axes;
};

} // namespace mflux::nn
