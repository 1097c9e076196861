#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// dump.hidden_index, dump.duplicate, dump.stale: the port's tensor is the reference's of another
/// checkpoint. Also dump.stale where what a checkpoint was copied to agrees with the reference.
void propose_dump_mistakes(const Case& at, Proposals& proposals);

} // namespace mflux::parity
