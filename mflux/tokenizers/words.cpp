#include "mflux/tokenizers/words.h"

#include "mflux/base/utf8.h"
#include "mflux/tokenizers/char_class.h"

namespace mflux::tokenizers {
namespace {

constexpr std::string_view kLongS = "\u017f"; // the one other character that is an s without case

bool is_line_end(char c) {
  return c == '\r' || c == '\n';
}

/// Reads along a text.
struct Cursor {
  std::string_view text;
  size_t at = 0;

  bool done() const {
    return at == text.size();
  }

  char byte() const {
    return text[at];
  }

  CharClass kind() const {
    return char_class(utf8_code(text.substr(at)));
  }

  bool stands_at(CharClass wanted) const {
    return !done() && kind() == wanted;
  }

  void step() {
    at += utf8_character(text.substr(at));
  }

  void skip(CharClass wanted) {
    while (stands_at(wanted)) {
      step();
    }
  }
};

/// (?i:'s|'t|'re|'ve|'m|'ll|'d), 0 where it does not match.
size_t contraction(std::string_view text) {
  if (text[0] != '\'') {
    return 0;
  }
  const auto rest = text.substr(1);
  if (rest.starts_with(kLongS)) {
    return 1 + kLongS.size();
  }
  for (const std::string_view ending : {"s", "t", "re", "ve", "m", "ll", "d"}) {
    bool matches = rest.size() >= ending.size();
    for (size_t i = 0; matches && i < ending.size(); ++i) {
      matches = rest[i] == ending[i] || rest[i] == ending[i] - 'a' + 'A';
    }
    if (matches) {
      return 1 + ending.size();
    }
  }
  return 0;
}

/// \s*[\r\n]+|\s+(?!\S)|\s+ where white space begins.
size_t white_space(std::string_view text) {
  Cursor cursor{text};
  size_t after_line_end = 0, last = 0;
  while (cursor.stands_at(CharClass::space)) {
    last = cursor.at;
    const bool ends_line = is_line_end(cursor.byte());
    cursor.step();
    after_line_end = ends_line ? cursor.at : after_line_end;
  }
  if (after_line_end > 0) {
    return after_line_end;
  }
  return cursor.done() || last == 0 ? cursor.at : last; // the last one goes with the next word
}

} // namespace

size_t first_word(std::string_view text) {
  if (const size_t size = contraction(text)) {
    return size;
  }
  Cursor cursor{text};
  const char first = cursor.byte();
  const CharClass kind = cursor.kind();
  cursor.step();
  if (kind == CharClass::letter ||
      (kind != CharClass::number && !is_line_end(first) && cursor.stands_at(CharClass::letter))) {
    cursor.skip(CharClass::letter);
    return cursor.at;
  }
  if (kind == CharClass::number) {
    return cursor.at;
  }
  if (kind == CharClass::other || (first == ' ' && cursor.stands_at(CharClass::other))) {
    cursor.skip(CharClass::other);
    while (!cursor.done() && is_line_end(cursor.byte())) {
      cursor.step();
    }
    return cursor.at;
  }
  return white_space(text);
}

} // namespace mflux::tokenizers
