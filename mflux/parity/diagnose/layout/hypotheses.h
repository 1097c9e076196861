#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// Values that are all there, but in another place: layout.*, concat.order, dump.hidden_index,
/// weights.*, edge.padding.
void propose_layout(const Case& at, Proposals& proposals);

} // namespace mflux::parity
