#include "mflux/base/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace mflux {
namespace {

bool stands_right(const std::string& text) {
  return !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-' ||
                           text[0] == '.' || text == "inf" || text == "nan");
}

} // namespace

size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string painted(const std::string& text, Colour colour, bool on) {
  if (!on || colour == Colour::none || text.empty()) {
    return text;
  }
  const char* code = colour == Colour::red      ? "31"
                     : colour == Colour::yellow ? "33"
                     : colour == Colour::green  ? "32"
                     : colour == Colour::dim    ? "2"
                                                : "1";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void TextTable::add(std::vector<Cell> row) {
  rows_.push_back(std::move(row));
}

std::string TextTable::format(bool coloured) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i].text));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - width_of(row[i].text), ' ');
      const std::string text = painted(row[i].text, row[i].colour, coloured);
      line += "  " + (stands_right(row[i].text) ? blanks + text : text + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

} // namespace mflux
