#pragma once

#include <string>

#include "mflux/base/json.h"
#include "mflux/ports/status.h"

namespace mflux::ports {

/// The table for people, and under it every problem; ends with how to measure again.
std::string to_text(const Status& status);

/// `ok` is false when there are problems.
Json to_json(const Status& status);

} // namespace mflux::ports
