#include "mflux/tokenizers/char_class.h"

#include <algorithm>
#include <array>

namespace mflux::tokenizers {
namespace {

CharClass look_up(char32_t code) {
  const auto ranges = char_ranges();
  const auto after = std::upper_bound(
      ranges.begin(), ranges.end(), code, [](char32_t value, const CharRange& range) {
        return value < range.first;
      });
  return after != ranges.begin() && code <= (after - 1)->last ? (after - 1)->kind
                                                              : CharClass::other;
}

} // namespace

CharClass char_class(char32_t code) {
  static const auto ascii = [] {
    std::array<CharClass, 128> classes;
    for (char32_t i = 0; i < classes.size(); ++i) {
      classes[i] = look_up(i);
    }
    return classes;
  }();
  return code < ascii.size() ? ascii[code] : look_up(code);
}

} // namespace mflux::tokenizers
