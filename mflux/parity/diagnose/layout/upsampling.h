#pragma once

#include "mflux/parity/diagnose/hypothesis.h"
#include "mflux/parity/diagnose/layout/planes.h"

namespace mflux::parity {

/// edge.padding: an image that the reference scales up by nearest neighbours (seen in the image
/// itself, or in the module's input) and the port bilinearly, or the other way.
void propose_upsampling(const Case& at, const Planes& planes, Proposals& proposals);

} // namespace mflux::parity
