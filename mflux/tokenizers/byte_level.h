#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mflux::tokenizers {

/// The bytes that a token of a byte-level vocabulary stands for: its files write each byte as one
/// printable character (GPT-2's table: "Ġ" is a space). Nothing where a character is none of the
/// 256.
std::optional<std::string> bytes_of_token(std::string_view token);

} // namespace mflux::tokenizers
