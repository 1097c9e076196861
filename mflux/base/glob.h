#pragma once

#include <string_view>

namespace mflux {

/// Whether `pattern` matches all of `text`: '*' stands for any text, dots and slashes included, '?'
/// for one character.
bool glob_match(std::string_view pattern, std::string_view text);

} // namespace mflux
