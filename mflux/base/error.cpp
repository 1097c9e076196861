#include "mflux/base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "mflux/base/utf8.h"

namespace mflux {
namespace {

/// What `error` says, without the library's own words around it.
std::string text_of(const std::exception& error) {
  const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error);
  return file ? fmt::format("{}: {}", file->path1().string(), file->code().message())
              : std::string(error.what());
}

/// The beginning and the end of a long text: a hostile file's names may have any length.
std::string shortened(const std::string& text) {
  constexpr size_t kLongest = 1000, kEnd = 300;
  if (text.size() <= kLongest) {
    return text;
  }
  const auto is_inside = [&](size_t at) { return (text[at] & 0xC0) == 0x80; }; // of a character
  size_t first = kLongest - kEnd, last = text.size() - kEnd;
  while (first > 0 && is_inside(first)) {
    --first;
  }
  while (last < text.size() && is_inside(last)) {
    ++last;
  }
  return fmt::format("{} … {}", text.substr(0, first), text.substr(last));
}

} // namespace

std::string printable(const std::string& text) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t size = std::max<size_t>(utf8_character(rest), 1);
    const auto first = static_cast<unsigned char>(rest[0]);
    // U+0080 to U+009F are control characters too.
    const auto second = static_cast<unsigned char>(size > 1 ? rest[1] : 0);
    if (first < 0x20 || first == 0x7f || (size == 1 && first >= 0x80) ||
        (first == 0xc2 && second < 0xa0)) {
      for (const char c : rest.substr(0, size)) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      }
    } else {
      out += rest.substr(0, size);
    }
    rest.remove_prefix(size);
  }
  return out;
}

std::string one_line(const std::exception& error) {
  std::string text = shortened(printable(text_of(error)));
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    text += ": " + one_line(cause);
  } catch (...) {
    text += ": unknown error";
  }
  return text;
}

} // namespace mflux
