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

char32_t utf8_code(std::string_view text) {
  const size_t size = utf8_character(text);
  if (size <= 1) {
    return size == 0 ? 0 : static_cast<unsigned char>(text[0]);
  }
  char32_t code = static_cast<unsigned char>(text[0]) & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  return code;
}

void append_utf8(std::string& text, char32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  const int rest = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  text += static_cast<char>((0xff00 >> (rest + 1) & 0xff) | code >> 6 * rest);
  for (int i = rest - 1; i >= 0; --i) {
    text += static_cast<char>(0x80 | (code >> 6 * i & 0x3f));
  }
}

size_t utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t size = utf8_character(text.substr(at));
    if (size == 0) {
      break;
    }
    at += size;
  }
  return at;
}

bool is_utf8(std::string_view text) {
  return utf8_prefix(text) == text.size();
}

} // namespace mflux
