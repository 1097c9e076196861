#include "mflux/artifacts/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "mflux/artifacts/write.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

/// The length of the UTF-8 character at the start of `text`; 0 if there is none.
size_t character(std::string_view text) {
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

} // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = character(text);
    if (size == 0) {
      return false;
    }
    text.remove_prefix(size);
  }
  return true;
}

void check_name(std::string_view name) {
  if (name.empty()) {
    throw Error("a tensor has an empty name");
  }
  if (name.find('\0') != name.npos || !is_utf8(name)) {
    throw Error("a tensor's name is no UTF-8 text without NUL");
  }
}

void check_names(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string_view> names;
  for (const auto& named : tensors) {
    check_name(named.name);
    names.push_back(named.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    throw Error(fmt::format("two tensors are named {}", *twice));
  }
}

} // namespace mflux::artifacts
