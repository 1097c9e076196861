#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// At what an attention gives, or its projection: computes it from queries, keys and values that
/// were dumped. First the reference must be reproduced; then each bug is applied.
void propose_inside(const Case& at, Proposals& proposals);

} // namespace mflux::parity
