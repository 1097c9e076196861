#pragma once

#include <string>
#include <vector>

namespace mflux {

enum class Colour { none, red, yellow, green, dim, bold };

/// `text` in a colour of the terminal, when `on`.
std::string painted(const std::string& text, Colour colour, bool on);

/// Rows of cells, aligned; cells that begin with a digit, sign or dot stand to the right.
class TextTable {
 public:
  struct Cell {
    std::string text;
    Colour colour = Colour::none;
  };

  void add(std::vector<Cell> row);

  /// Two blanks in front of every line, none at its end.
  std::string format(bool coloured) const;

 private:
  std::vector<std::vector<Cell>> rows_;
};

/// Characters of a UTF-8 text.
size_t width_of(const std::string& text);

} // namespace mflux
