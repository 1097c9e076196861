#pragma once

#include <string>

#include "mflux/parity/transforms/trial.h"

namespace mflux::parity {

/// A trial for people: each checkpoint's scores before → after, the verdict last.
std::string format_trial(const Trial& trial, bool coloured);

/// The same as one JSON object (docs/PARITY.md); what is not finite is null.
std::string to_json(const Trial& trial);

} // namespace mflux::parity
