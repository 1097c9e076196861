#pragma once

#include <string_view>
#include <vector>

namespace mflux::parity {

// The files of page/, embedded by embed.cmake. In the HTML {{style}}, {{run}}, {{script}} and
// {{details}} stand, in this order, where these go.
extern const std::string_view kPageHtml, kPageStyle;
extern const std::vector<std::string_view> kPageScripts;

} // namespace mflux::parity
