#pragma once

#include "mflux/base/json.h"
#include "mflux/parity/diagnose/evidence.h"

namespace mflux::parity {

/// The object "evidence" of a cause (docs/PARITY.md), seven digits a number; what is not finite is
/// null.
Json evidence_json(const Evidence& evidence);

} // namespace mflux::parity
