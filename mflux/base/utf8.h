#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mflux {

/// The bytes of the UTF-8 character at the start of `text`, which is not empty; 0 if there is no
/// well-formed one (no overlong forms, no surrogates).
size_t utf8_character(std::string_view text);

/// The code point of that character, which must be well-formed.
char32_t utf8_code(std::string_view text);

/// Appends a code point that is no surrogate.
void append_utf8(std::string& text, char32_t code);

/// The bytes of the longest beginning of `text` that is well-formed UTF-8.
size_t utf8_prefix(std::string_view text);

/// Whether all of `text` is well-formed UTF-8.
bool is_utf8(std::string_view text);

} // namespace mflux
