#pragma once

#include <string>
#include <vector>

#include "mflux/models/port.h"

namespace mflux::models {

/// Every port of this library.
const std::vector<Port>& ports();

/// The port, or component of it, of that name. Throws Error that names the nearest.
const Port& find_port(const std::string& name);
const Component& find_component(const Port& port, const std::string& name);

} // namespace mflux::models
