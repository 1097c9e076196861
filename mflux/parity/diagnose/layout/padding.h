#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// edge.padding: a convolution computed again with other borders; an image padded on other sides or
/// otherwise; an image scaled up otherwise; and, from the output alone, an error that is a frame
/// around an image that agrees.
void propose_edges(const Case& at, Proposals& proposals);

} // namespace mflux::parity
