#include "mflux/base/glob.h"

namespace mflux {
namespace {

using Captures = std::vector<std::string_view>;

std::optional<Captures> match(std::string_view pattern, std::string_view text) {
  // A wildcard's end is only ever moved for the last *: no exponential backtracking.
  Captures captures;
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, star_begin = 0, star_end = 0, star_captures = 0;
  while (t < text.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_begin = star_end = t;
      star_captures = captures.size();
      captures.emplace_back();
      continue;
    }
    if (p < pattern.size() && t < text.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      if (pattern[p] == '?') {
        captures.push_back(text.substr(t, 1));
      }
      ++p;
      ++t;
      continue;
    }
    if (star == std::string_view::npos || star_end == text.size()) {
      return std::nullopt;
    }
    captures.resize(star_captures);
    captures.push_back(text.substr(star_begin, ++star_end - star_begin));
    p = star + 1;
    t = star_end;
  }
  return captures;
}

} // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
  return match(pattern, text).has_value();
}

std::optional<std::vector<std::string>> glob_captures(
    std::string_view pattern, std::string_view text) {
  const auto captures = match(pattern, text);
  if (!captures) {
    return std::nullopt;
  }
  return std::vector<std::string>(captures->begin(), captures->end());
}

} // namespace mflux
