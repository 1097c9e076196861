#pragma once

#include <functional>
#include <vector>

#include "mflux/parity/diagnose/layout/digits.h"

namespace mflux::parity {

/// Calls `visit` with every way in which a port may lay out a tensor of `shape` wrongly, the
/// simplest first: axes permuted, one axis split and its parts moved, image axes cut into patches,
/// heads and patches split otherwise than the reference does. Some come twice.
void visit_layouts(
    const artifacts::Shape& shape, const std::function<void(const Rearrangement&)>& visit);

} // namespace mflux::parity
