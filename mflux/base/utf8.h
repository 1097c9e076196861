#pragma once

#include <cstddef>
#include <string_view>

namespace mflux {

/// The bytes of the UTF-8 character at the start of `text`, which is not empty; 0 if there is no
/// well-formed one (no overlong forms, no surrogates).
size_t utf8_character(std::string_view text);

/// Whether all of `text` is well-formed UTF-8.
bool is_utf8(std::string_view text);

} // namespace mflux
