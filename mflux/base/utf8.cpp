#include "mflux/base/utf8.h"

#include <cstdint>

namespace mflux {

size_t utf8_character(std::string_view text) {
  const auto at = [&](size_t i) -> uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto follows = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const uint32_t first = at(0);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf) {
    return follows(1) ? 2 : 0;
  }
  if ((first & 0xf0) == 0xe0) {
    const uint32_t code = (first & 0xf) << 12 | (at(1) & 0x3f) << 6;
    return follows(1) && follows(2) && code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const uint32_t code = (first & 7) << 18 | (at(1) & 0x3f) << 12;
    return follows(1) && follows(2) && follows(3) && code >= 0x10000 && code < 0x110000 ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = utf8_character(text);
    if (size == 0) {
      return false;
    }
    text.remove_prefix(size);
  }
  return true;
}

} // namespace mflux
