#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// dtype.output: the port is the reference, rounded.
void propose_output_rounding(const Case& at, Proposals& proposals);

/// dtype.compute and dtype.tf32: a layer or a norm is computed again with rounded operands.
void propose_narrow_computation(const Case& at, Proposals& proposals);

/// timestep.rounded and timestep.scale, on timesteps and on their sinusoidal embedding.
void propose_timestep(const Case& at, Proposals& proposals);

/// scheduler.update, scheduler.offset, scheduler.sigmas: of latents that a step leaves.
void propose_update(const Case& at, Proposals& proposals);

/// scheduler.sigmas and scheduler.offset: of the schedule itself.
void propose_sigmas(const Case& at, Proposals& proposals);

/// scheduler.offset: of the timestep that the model is handed.
void propose_other_timestep(const Case& at, Proposals& proposals);

/// cfg.swapped and cfg.scale.
void propose_cfg(const Case& at, Proposals& proposals);

/// rng.mismatch.
void propose_other_numbers(const Case& at, Proposals& proposals);

} // namespace mflux::parity
