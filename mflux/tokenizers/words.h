#pragma once

#include <cstddef>
#include <string_view>

namespace mflux::tokenizers {

/// The regular expression that cuts text into words in Qwen2's and Qwen3's tokenizers, as
/// tokenizer.json spells it.
inline constexpr std::string_view kQwenWords =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// The bytes of the first word of `text` (well-formed UTF-8, not empty): what kQwenWords matches
/// there. Written out instead of run by a regular expression library, so that the Unicode version
/// is ours and the time linear.
size_t first_word(std::string_view text);

} // namespace mflux::tokenizers
