#pragma once

#include "mflux/base/json.h"
#include "mflux/parity/compare.h"

namespace mflux::parity {

/// What the report's page shows of the run as a whole, and of every checkpoint in its list, by
/// columns. Where numbers may be infinite they are as for_page() writes them.
Json run_json(const Comparison& comparison);

} // namespace mflux::parity
