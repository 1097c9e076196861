#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// What goes wrong between the projections of an attention and its output: rope.*, attention.scale,
/// mask.*, layout.gqa_repeat.
void propose_attention(const Case& at, Proposals& proposals);

} // namespace mflux::parity
