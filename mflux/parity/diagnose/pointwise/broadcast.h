#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// broadcast.axis: a vector added to, or multiplied with, another axis of the same length.
void propose_broadcast(const Case& at, Proposals& proposals);

} // namespace mflux::parity
