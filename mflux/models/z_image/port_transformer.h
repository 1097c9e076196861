#pragma once

#include "mflux/models/port.h"

namespace mflux::z_image {

/// The component "transformer": every evaluation of it whose inputs the dump holds, each step.
models::Component transformer_component();

} // namespace mflux::z_image
