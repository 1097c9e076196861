#pragma once

#include <string>

#include "mflux/parity/verdict.h"

namespace mflux::parity {

/// Of two tensors of one shape: how many elements differ, and the first of them with both values:
/// "2 of 7 differ: [0, 3] is 15, not 17; …". `unequal` of them do. Complex ones are not described.
std::string describe_differences(const TensorPair& tensors, int64_t unequal);

} // namespace mflux::parity
