#pragma once

#include "mflux/parity/diagnose/hypothesis.h"
#include "mflux/parity/diagnose/layout/planes.h"

namespace mflux::parity {

/// edge.padding from the output alone, in images: the inside agrees to the floor, and in every
/// channel a frame around it, 1 to 3 pixels wide, on all sides or on two that meet, does not.
void propose_frame(const Case& at, const Planes& planes, Proposals& proposals);

} // namespace mflux::parity
