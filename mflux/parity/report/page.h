#pragma once

#include <string>
#include <string_view>

namespace mflux::parity {

/// The report's page around its data: JSON without '<' (script_text). `details` is one line per
/// checkpoint.
std::string make_page(std::string_view run, std::string_view details);

} // namespace mflux::parity
