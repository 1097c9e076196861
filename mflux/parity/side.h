#pragma once

namespace mflux::parity {

/// Of a comparison.
enum class Side { ref, port };

} // namespace mflux::parity
