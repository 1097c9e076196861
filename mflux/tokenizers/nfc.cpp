#include "mflux/tokenizers/nfc.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <vector>

#include "mflux/base/utf8.h"
#include "mflux/tokenizers/nfc_tables.h"

namespace mflux::tokenizers {
namespace {

constexpr char32_t kUnchangedBelow = 0x300; // no such code points compose or reorder
constexpr char32_t kSyllables = 0xac00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11a7;
constexpr char32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28; // the first tail is none
constexpr char32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

struct Mark {
  char32_t code;
  uint8_t combining_class;
};

uint8_t combining_class(char32_t code) {
  const auto ranges = combining_ranges();
  const auto after = std::upper_bound(
      ranges.begin(), ranges.end(), code, [](char32_t value, const CombiningRange& range) {
        return value < range.first;
      });
  const bool is_inside = after != ranges.begin() && code <= (after - 1)->last;
  return is_inside ? (after - 1)->combining_class : 0;
}

const Decomposition* find(std::span<const Decomposition> table, char32_t code) {
  const auto found = std::lower_bound(
      table.begin(), table.end(), code, [](const Decomposition& entry, char32_t value) {
        return entry.code < value;
      });
  return found != table.end() && found->code == code ? &*found : nullptr;
}

void decompose(char32_t code, std::vector<Mark>& out) {
  if (const char32_t index = code - kSyllables; code >= kSyllables && index < kSyllableCount) {
    out.push_back({kLeads + index / (kVowelCount * kTailCount), 0});
    out.push_back({kVowels + index / kTailCount % kVowelCount, 0});
    if (index % kTailCount != 0) {
      out.push_back({kTails + index % kTailCount, 0});
    }
    return;
  }
  const Decomposition* entry = find(composites(), code);
  if (!entry && !(entry = find(decompositions(), code))) {
    out.push_back({code, combining_class(code)});
    return;
  }
  decompose(entry->first, out);
  if (entry->second) {
    decompose(entry->second, out);
  }
}

void sort_marks(std::vector<Mark>& text) {
  const auto is_starter = [](const Mark& mark) { return mark.combining_class == 0; };
  for (auto begin = text.begin(); begin != text.end();) {
    begin = std::find_if_not(begin, text.end(), is_starter);
    const auto end = std::find_if(begin, text.end(), is_starter);
    std::stable_sort(begin, end, [](const Mark& a, const Mark& b) {
      return a.combining_class < b.combining_class;
    });
    begin = end;
  }
}

uint64_t pair_key(char32_t first, char32_t second) {
  return static_cast<uint64_t>(first) << 32 | second;
}

/// The composite of two code points; 0 if there is none.
char32_t compose(char32_t first, char32_t second) {
  static const auto pairs = [] {
    std::unordered_map<uint64_t, char32_t> map;
    for (const auto& entry : composites()) {
      map.emplace(pair_key(entry.first, entry.second), entry.code);
    }
    return map;
  }();
  if (first >= kLeads && first < kLeads + kLeadCount) {
    const char32_t vowel = second - kVowels;
    return second >= kVowels && vowel < kVowelCount
               ? kSyllables + ((first - kLeads) * kVowelCount + vowel) * kTailCount
               : 0;
  }
  if (const char32_t index = first - kSyllables; first >= kSyllables && index < kSyllableCount) {
    const bool is_tail = second > kTails && second < kTails + kTailCount;
    return is_tail && index % kTailCount == 0 ? first + (second - kTails) : 0;
  }
  const auto found = pairs.find(pair_key(first, second));
  return found == pairs.end() ? 0 : found->second;
}

std::string recompose(const std::vector<Mark>& text) {
  std::vector<char32_t> out;
  std::optional<size_t> starter; // where in `out`
  int last_class = -1;           // of what stands behind the starter; -1: nothing
  for (const auto& mark : text) {
    if (starter && last_class < mark.combining_class) {
      if (const char32_t composite = compose(out[*starter], mark.code)) {
        out[*starter] = composite;
        continue;
      }
    }
    if (mark.combining_class == 0) {
      starter = out.size();
      last_class = -1;
    } else {
      last_class = mark.combining_class;
    }
    out.push_back(mark.code);
  }
  std::string utf8;
  for (const char32_t code : out) {
    append_utf8(utf8, code);
  }
  return utf8;
}

} // namespace

std::string to_nfc(std::string_view text) {
  std::vector<Mark> marks;
  bool is_plain = true;
  for (size_t at = 0; at < text.size() && is_plain;) {
    const auto rest = text.substr(at);
    is_plain = utf8_code(rest) < kUnchangedBelow;
    at += utf8_character(rest);
  }
  if (is_plain) {
    return std::string(text);
  }
  for (size_t at = 0; at < text.size(); at += utf8_character(text.substr(at))) {
    decompose(utf8_code(text.substr(at)), marks);
  }
  sort_marks(marks);
  return recompose(marks);
}

} // namespace mflux::tokenizers
