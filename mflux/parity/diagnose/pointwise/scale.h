#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// scale.constant: one factor over everything, or one factor and one term.
void propose_scale(const Case& at, Proposals& proposals);

/// sign.flip: of everything, or of a half of the channels.
void propose_sign(const Case& at, Proposals& proposals);

} // namespace mflux::parity
