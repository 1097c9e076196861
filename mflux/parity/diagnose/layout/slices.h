#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// concat.order, and as layout.* slices that are reversed or heads in any order: the reference's
/// slices along one axis, moved.
void propose_slices(const Case& at, Proposals& proposals);

} // namespace mflux::parity
