#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// layout.permute, layout.heads, layout.patch_order, layout.gqa_repeat: the reference's elements in
/// the order of another layout. Works for other shapes of as many elements.
void propose_permutations(const Case& at, Proposals& proposals);

} // namespace mflux::parity
