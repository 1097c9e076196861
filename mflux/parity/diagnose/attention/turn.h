#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/attention/heads.h"
#include "mflux/parity/transforms/transform.h"

namespace mflux::parity {

/// A rotary table: cosine and sine of each element [batch or 1, rows, width], rows being tokens.
/// Elements beyond `width` are not turned. With partner p(i) and s = -1 for the first of a pair, +1
/// for the second: y_i = x_i cos_i + s x_p(i) sin_i.
struct Turn {
  Pairing pairing = Pairing::half;
  int64_t batch = 1, rows = 0, width = 0;
  std::vector<double> cos, sin;
  bool by_head = false;             ///< row h turns head h, whatever the token
  std::vector<int64_t> blocks = {}; ///< widths that are paired each on their own; none: all at once

  size_t index(int64_t b, int64_t row) const {
    return static_cast<size_t>(((batch == 1 ? 0 : b) * rows + row) * width);
  }
};

/// Where the partner of each element is; first of a pair: below its partner.
std::vector<int64_t> partners(const Turn& turn);

/// Whether every token (or head) has a row.
bool fits(const Turn& turn, const Heads& heads);

/// `heads`, turned; they must fit.
Heads turned(const Heads& heads, const Turn& turn);

/// One head of one token, `width` wide, into `y`.
void turn_one(
    const Turn& turn, const std::vector<int64_t>& partner, size_t row, const double* x, double* y);

/// Reads a dumped table: cos and sin of [.., T, D] (per element) or [.., T, D/2] (per pair), each
/// with axes of length 1 left out. `head` is the heads' width, which tells the one from the other.
/// Where an axis of the batch stands in front, it is kept.
std::optional<Turn> turn_of(const Field& cos, const Field& sin, int64_t head, Pairing pairing);

/// The same from complex numbers [.., T, D/2, 2].
std::optional<Turn> turn_of(const Field& complex, int64_t head, Pairing pairing);

/// One after the other along the rows.
std::optional<Turn> joined(const Turn& first, const Turn& second);

/// The table with cosine and sine of the pairs, laid out for another pairing.
Turn with_pairing(const Turn& turn, Pairing pairing);

/// A way to turn otherwise, and the cause that it stands for.
struct TurnVariant {
  std::string id, detail;
  Turn turn;
};

/// The bugs of a table that need nothing else than the table, for heads of that many.
std::vector<TurnVariant> variants(const Turn& turn, int64_t heads);

} // namespace mflux::parity
