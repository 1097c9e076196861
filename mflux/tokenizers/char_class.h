#pragma once

#include <cstdint>
#include <span>

namespace mflux::tokenizers {

/// What Qwen's pre-tokenizer tells apart: \p{L}, \p{N}, \s (White_Space), and the rest.
enum class CharClass : uint8_t { other, letter, number, space };

/// The class of a code point as Oniguruma has it in Hugging Face tokenizers 0.23.3: Unicode 16.0.
CharClass char_class(char32_t code);

/// The table behind it: ranges in order, without those of CharClass::other.
struct CharRange {
  char32_t first, last;
  CharClass kind;
};
std::span<const CharRange> char_ranges();

} // namespace mflux::tokenizers
