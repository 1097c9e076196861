#include "mflux/parity/diagnose/attention/turn.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mflux::parity {

using artifacts::Shape;

std::vector<int64_t> partners(const Turn& turn) {
  std::vector<int64_t> out;
  const std::vector<int64_t> whole = {turn.width};
  int64_t begin = 0;
  for (const int64_t width : turn.blocks.empty() ? whole : turn.blocks) {
    for (int64_t i = 0; i < width; ++i) {
      const int64_t half = i < width / 2 ? i + width / 2 : i - width / 2;
      out.push_back(begin + (turn.pairing == Pairing::half ? half : i ^ 1));
    }
    begin += width;
  }
  return out;
}

bool fits(const Turn& turn, const Heads& heads) {
  const int64_t needed = turn.by_head ? heads.heads : heads.tokens;
  return turn.rows >= needed && turn.width <= heads.width &&
         (turn.batch == 1 || turn.batch == heads.batch) && turn.width % 2 == 0 &&
         (turn.by_head || turn.rows == heads.tokens);
}

void turn_one(
    const Turn& turn, const std::vector<int64_t>& partner, size_t row, const double* x, double* y) {
  for (int64_t i = 0; i < turn.width; ++i) {
    const int64_t p = partner[static_cast<size_t>(i)];
    const size_t at = row + static_cast<size_t>(i);
    y[i] = x[i] * turn.cos[at] + (i < p ? -x[p] : x[p]) * turn.sin[at];
  }
}

Heads turned(const Heads& heads, const Turn& turn) {
  Heads out = heads;
  const auto partner = partners(turn);
  for (int64_t b = 0; b < heads.batch; ++b) {
    for (int64_t t = 0; t < heads.tokens; ++t) {
      for (int64_t h = 0; h < heads.heads; ++h) {
        const size_t row = turn.index(b, turn.by_head ? h : t);
        turn_one(turn, partner, row, heads.at(b, t, h), out.at(b, t, h));
      }
    }
  }
  return out;
}

namespace {

/// [batch, rows, width] of a table, axes of length 1 left out; nothing when more is left.
std::optional<Shape> flat_shape(const Shape& shape) {
  Shape kept;
  for (size_t i = 0; i + 1 < shape.size(); ++i) {
    if (shape[i] != 1) {
      kept.push_back(shape[i]);
    }
  }
  if (shape.empty() || kept.size() > 2) {
    return std::nullopt;
  }
  while (kept.size() < 2) {
    kept.insert(kept.begin(), 1);
  }
  kept.push_back(shape.back());
  return kept;
}

/// Of a table per pair or per element, the element's column.
int64_t column(const Turn& turn, int64_t i) {
  return turn.pairing == Pairing::half ? i % (turn.width / 2) : i / 2;
}

Turn spread(const Turn& pairs, int64_t columns) {
  Turn out = pairs;
  out.cos.clear();
  out.sin.clear();
  for (int64_t r = 0; r < pairs.batch * pairs.rows; ++r) {
    for (int64_t i = 0; i < pairs.width; ++i) {
      const auto from = static_cast<size_t>(r * columns + column(pairs, i));
      out.cos.push_back(pairs.cos[from]);
      out.sin.push_back(pairs.sin[from]);
    }
  }
  return out;
}

} // namespace

std::optional<Turn> turn_of(const Field& cos, const Field& sin, int64_t head, Pairing pairing) {
  const auto shape = flat_shape(cos.shape);
  if (!shape || cos.shape != sin.shape) {
    return std::nullopt;
  }
  const int64_t columns = shape->back();
  Turn turn{pairing, (*shape)[0], (*shape)[1], columns, cos.values, sin.values, false, {}};
  if (2 * columns <= head) {
    turn.width = 2 * columns;
    return spread(turn, columns);
  }
  return columns <= head && columns % 2 == 0 ? std::optional(turn) : std::nullopt;
}

std::optional<Turn> turn_of(const Field& complex, int64_t head, Pairing pairing) {
  if (complex.rank() < 3 || complex.width() != 2) {
    return std::nullopt;
  }
  Field cos, sin;
  cos.shape = sin.shape = Shape(complex.shape.begin(), complex.shape.end() - 1);
  for (size_t i = 0; i < complex.values.size(); i += 2) {
    cos.values.push_back(complex.values[i]);
    sin.values.push_back(complex.values[i + 1]);
  }
  return cos.width() * 2 <= head ? turn_of(cos, sin, head, pairing) : std::nullopt;
}

std::optional<Turn> joined(const Turn& first, const Turn& second) {
  if (first.batch != 1 || second.batch != 1 || first.width != second.width) {
    return std::nullopt;
  }
  Turn out = first;
  out.rows += second.rows;
  out.cos.insert(out.cos.end(), second.cos.begin(), second.cos.end());
  out.sin.insert(out.sin.end(), second.sin.begin(), second.sin.end());
  return out;
}

Turn with_pairing(const Turn& turn, Pairing pairing) {
  if (turn.pairing == pairing) {
    return turn;
  }
  Turn out = turn;
  out.pairing = pairing;
  const int64_t half = turn.width / 2;
  for (int64_t r = 0; r < turn.batch * turn.rows; ++r) {
    for (int64_t i = 0; i < turn.width; ++i) {
      const int64_t pair = column(out, i);
      const int64_t from = turn.pairing == Pairing::half ? pair + (i >= half ? half : 0) : 2 * pair;
      const auto to = static_cast<size_t>(r * turn.width + i);
      out.cos[to] = turn.cos[static_cast<size_t>(r * turn.width + from)];
      out.sin[to] = turn.sin[static_cast<size_t>(r * turn.width + from)];
    }
  }
  return out;
}

namespace {

Turn negated(Turn turn) {
  for (double& value : turn.sin) {
    value = -value;
  }
  return turn;
}

Pairing other(Pairing pairing) {
  return pairing == Pairing::half ? Pairing::interleaved : Pairing::half;
}

const char* name_of(Pairing pairing) {
  return pairing == Pairing::half ? "i with i + d/2" : "2i with 2i + 1";
}

/// Every row where the one `by` rows before or after it belongs; at the ends the nearest, or round.
Turn shifted(const Turn& turn, int64_t by, bool goes_round) {
  Turn out = turn;
  for (int64_t b = 0; b < turn.batch; ++b) {
    for (int64_t r = 0; r < turn.rows; ++r) {
      const int64_t from = goes_round ? (r + by + turn.rows) % turn.rows
                                      : std::clamp<int64_t>(r + by, 0, turn.rows - 1);
      std::copy_n(
          turn.cos.begin() + static_cast<std::ptrdiff_t>(turn.index(b, from)),
          turn.width,
          out.cos.begin() + static_cast<std::ptrdiff_t>(turn.index(b, r)));
      std::copy_n(
          turn.sin.begin() + static_cast<std::ptrdiff_t>(turn.index(b, from)),
          turn.width,
          out.sin.begin() + static_cast<std::ptrdiff_t>(turn.index(b, r)));
    }
  }
  return out;
}

} // namespace

std::vector<TurnVariant> variants(const Turn& turn, int64_t heads) {
  std::vector<TurnVariant> out;
  const Pairing wrong = other(turn.pairing);
  const std::string pairs =
      fmt::format("pairs {}, the reference {}", name_of(wrong), name_of(turn.pairing));
  out.push_back({"rope.pairing", pairs, with_pairing(turn, wrong)});
  Turn mixed = turn;
  mixed.pairing = wrong;
  out.push_back({"rope.pairing", pairs + ", on the reference's table", mixed});
  out.push_back({"rope.sign", "turns by the negative angle", negated(turn)});
  for (const int64_t by : {1, -1}) {
    const auto detail = fmt::format("row t {:+} of the table at token t", by);
    out.push_back({"rope.offset", detail, shifted(turn, by, false)});
    out.push_back({"rope.offset", detail + ", going round at its end", shifted(turn, by, true)});
  }
  if (heads <= turn.rows) {
    Turn by_head = turn;
    by_head.by_head = true;
    out.push_back({"rope.broadcast", "row h of the table turns head h at every token", by_head});
  }
  return out;
}

} // namespace mflux::parity
