#pragma once

#include <string>
#include <vector>

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// What to dump or try next where nothing was proven at a checkpoint, one sentence each.
std::vector<std::string> advice_for(const Case& at, const std::vector<Proposals::Need>& needs);

} // namespace mflux::parity
