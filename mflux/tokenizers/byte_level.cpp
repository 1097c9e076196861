#include "mflux/tokenizers/byte_level.h"

#include <array>

#include "mflux/base/utf8.h"

namespace mflux::tokenizers {
namespace {

constexpr size_t kCharacters = 0x144; // the last one is U+0143

bool is_own_character(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/// The byte that each character stands for; -1 for none. Bytes that are no printable character are
/// numbered from U+0100 on.
std::array<int, kCharacters> make_table() {
  std::array<int, kCharacters> table;
  table.fill(-1);
  size_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    table[is_own_character(byte) ? static_cast<size_t>(byte) : next++] = byte;
  }
  return table;
}

} // namespace

std::optional<std::string> bytes_of_token(std::string_view token) {
  static const auto table = make_table();
  std::string bytes;
  for (size_t at = 0; at < token.size(); at += utf8_character(token.substr(at))) {
    const char32_t code = utf8_code(token.substr(at));
    if (code >= kCharacters || table[code] < 0) {
      return std::nullopt;
    }
    bytes += static_cast<char>(table[code]);
  }
  return bytes;
}

} // namespace mflux::tokenizers
