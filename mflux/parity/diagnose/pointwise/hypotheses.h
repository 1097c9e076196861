#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// Wrong arithmetic at each element, row or channel: norm.*, modulation.*, broadcast.axis,
/// activation.variant, scale.constant, sign.flip, bias.missing, rng.dropout.
void propose_pointwise(const Case& at, Proposals& proposals);

} // namespace mflux::parity
