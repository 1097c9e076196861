#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// activation.variant, and concat.order where the halves of a gated activation are exchanged.
void propose_activation(const Case& at, Proposals& proposals);

/// activation.variant where what the activation was applied to is not known: the port's value is
/// another activation of what the reference's activation was applied to.
void propose_activation_curve(const Case& at, Proposals& proposals);

} // namespace mflux::parity
