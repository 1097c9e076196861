#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// bias.missing: port and reference differ by one vector over the channels.
void propose_bias(const Case& at, Proposals& proposals);

} // namespace mflux::parity
