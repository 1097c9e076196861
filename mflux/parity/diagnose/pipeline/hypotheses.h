#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// Precision, and what goes on around the models: dtype.*, timestep.*, scheduler.*, cfg.*,
/// rng.mismatch.
void propose_pipeline(const Case& at, Proposals& proposals);

} // namespace mflux::parity
