#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mflux {

/// Whether `pattern` matches all of `text`: '*' stands for any text, dots and slashes included, '?'
/// for one character.
bool glob_match(std::string_view pattern, std::string_view text);

/// What each * and ? of `pattern` stood for when it matches all of `text` (the shortest from the
/// left); nothing when it does not match.
std::optional<std::vector<std::string>> glob_captures(
    std::string_view pattern, std::string_view text);

} // namespace mflux
