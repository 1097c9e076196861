#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// rng.dropout: exact zeros in the port alone, the rest scaled by 1/(1 - p).
void propose_dropout(const Case& at, Proposals& proposals);

} // namespace mflux::parity
