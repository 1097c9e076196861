#include "mflux/parity/glob.h"

namespace mflux::parity {

std::optional<std::vector<std::string>> glob_captures(
    std::string_view glob, std::string_view text) {
  // A wildcard's end is only ever moved for the last *: no exponential backtracking.
  std::vector<std::string> captures;
  size_t g = 0, t = 0;
  size_t star = std::string_view::npos, star_begin = 0, star_end = 0, star_captures = 0;
  while (t < text.size() || g < glob.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_begin = star_end = t;
      star_captures = captures.size();
      captures.emplace_back();
      continue;
    }
    if (g < glob.size() && t < text.size() && (glob[g] == '?' || glob[g] == text[t])) {
      if (glob[g] == '?') {
        captures.emplace_back(1, text[t]);
      }
      ++g;
      ++t;
      continue;
    }
    if (star == std::string_view::npos || star_end == text.size()) {
      return std::nullopt;
    }
    captures.resize(star_captures);
    captures.emplace_back(text.substr(star_begin, ++star_end - star_begin));
    g = star + 1;
    t = star_end;
  }
  return captures;
}

bool glob_matches(std::string_view glob, std::string_view text) {
  return glob_captures(glob, text).has_value();
}

} // namespace mflux::parity
