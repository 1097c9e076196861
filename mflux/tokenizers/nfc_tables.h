#pragma once

#include <cstdint>
#include <span>

namespace mflux::tokenizers {

/// One step of a canonical decomposition. `second` is 0 where it is a single code point. Hangul
/// syllables are computed and not listed.
struct Decomposition {
  char32_t code, first, second;
};

/// By code: those that NFC composes again, and those that it only decomposes.
std::span<const Decomposition> composites();
std::span<const Decomposition> decompositions();

/// Code points with a canonical combining class other than 0, in order.
struct CombiningRange {
  char32_t first, last;
  uint8_t combining_class;
};
std::span<const CombiningRange> combining_ranges();

} // namespace mflux::tokenizers
