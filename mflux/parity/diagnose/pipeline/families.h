#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// dtype.output: the port is the reference, rounded.
void propose_output_rounding(const Case& at, Proposals& proposals);

/// timestep.rounded and timestep.scale, on timesteps and on their sinusoidal embedding.
void propose_timestep(const Case& at, Proposals& proposals);

} // namespace mflux::parity
