#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mflux::parity {

/// Whether `glob` matches all of `text`: * stands for any characters (dots too), ? for one.
bool glob_matches(std::string_view glob, std::string_view text);

/// What each * and ? of `glob` stood for when it matches all of `text` (the shortest from the
/// left); nothing when it does not match.
std::optional<std::vector<std::string>> glob_captures(std::string_view glob, std::string_view text);

} // namespace mflux::parity
