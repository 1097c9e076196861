#pragma once

#include "mflux/models/port.h"

namespace mflux::flux2 {

/// The component "transformer" of klein's port: every evaluation of it whose inputs the dump holds,
/// each step and, with classifier-free guidance, both calls of one; else every step of which the
/// dump holds the pipeline's latents, time step and prompt.
models::Component transformer_component();

} // namespace mflux::flux2
