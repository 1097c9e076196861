#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// weights.transposed and weights.missing at a layer's output: computed again from its input with
/// the weight transposed, misread, at zero or as the port dumped it.
void propose_layer_weights(const Case& at, Proposals& proposals);

/// weights.missing of a norm whose scale stayed at ones, from the output alone; of a linear layer
/// that is another one; of a layer that gives every token the same.
void propose_missing_weights(const Case& at, Proposals& proposals);

/// Both from the weights that both sides dumped below the module, where they differ: no input is
/// needed.
void propose_differing_weights(const Case& at, Proposals& proposals);

} // namespace mflux::parity
