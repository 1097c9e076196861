#include "mflux/parity/diagnose/attention/streams.h"

#include <algorithm>
#include <numeric>

namespace mflux::parity {
namespace {

std::optional<Field> load(const Case& at, const std::optional<size_t>& row, Side side) {
  const auto pair = row ? at.scene.pair(*row) : nullptr;
  if (!pair) {
    return std::nullopt;
  }
  const bool is_alike = pair->port.shape == pair->ref.shape && pair->finite;
  return side == Side::port && is_alike ? pair->port : pair->ref;
}

/// Channels of q and of k in one projection of all three: as many as where these stand alone, else
/// thirds, else q as wide as the output.
std::array<int64_t, 2> channels_in(
    const Field& fused,
    const std::optional<Field>& q,
    const std::optional<Field>& k,
    int64_t output) {
  const int64_t rows = fused.count() / fused.width();
  if (q && k) {
    return {q->count() / rows, k->count() / rows};
  }
  if (output < fused.width() && fused.width() < 3 * output) {
    return {output, (fused.width() - output) / 2};
  }
  return {fused.width() / 3, fused.width() / 3};
}

const artifacts::Shape* shape_of(const Case& at, const std::optional<size_t>& row) {
  return row ? &at.scene.rows()[*row].ref->shape : nullptr;
}

} // namespace

std::vector<int64_t> Streams::widths() const {
  int64_t common = 0;
  for (const auto* row : {&roles_.main.q, &roles_.main.k}) {
    const auto* shape = shape_of(at_, *row);
    if (shape && shape->size() == 4) {
      return {shape->back()};
    }
    common = shape && !shape->empty() ? std::gcd(common, shape->back()) : common;
  }
  if (common == 0) {
    const auto* fused = shape_of(at_, roles_.main.fused);
    common = fused && !fused->empty() ? std::gcd(fused->back(), at_.ref.width()) : 0;
  }
  std::vector<int64_t> out;
  for (int64_t width = common; width >= 2; --width) {
    if (common % width == 0) {
      out.push_back(width);
    }
  }
  return out;
}

std::vector<Reading> Streams::readings() const {
  std::vector<HeadLayout> layouts = {HeadLayout::tokens_first};
  for (const auto* row : {&roles_.main.q, &roles_.main.k, &roles_.main.v}) {
    const auto* shape = shape_of(at_, *row);
    if (shape && shape->size() == 4 && layouts.size() == 1) {
      layouts.push_back(HeadLayout::heads_first);
    }
  }
  std::vector<Reading> out;
  for (const int64_t width : widths()) {
    for (const HeadLayout layout : layouts) {
      out.push_back({width, layout, true});
      if (roles_.added.is_whole()) {
        out.push_back({width, layout, false});
      }
    }
  }
  return out;
}

std::optional<Projections> Streams::read(
    const StreamRoles& roles, const Reading& reading, Side side) const {
  auto q = load(at_, roles.q, side), k = load(at_, roles.k, side), v = load(at_, roles.v, side);
  if (const auto fused = load(at_, roles.fused, side); fused && fused->count() > 0) {
    const auto [of_q, of_k] = channels_in(*fused, q, k, at_.ref.width());
    if (of_q < 1 || of_k < 1 || of_q + 2 * of_k > fused->width()) {
      return std::nullopt;
    }
    q = q ? q : cut_channels(*fused, 0, of_q);
    k = k ? k : cut_channels(*fused, of_q, of_k);
    v = v ? v : cut_channels(*fused, of_q + of_k, of_k);
  }
  if (!q || !k || !v) {
    return std::nullopt;
  }
  const auto heads = [&](const Field& field) {
    return heads_of(
        field, reading.width, field.rank() == 4 ? reading.layout : HeadLayout::tokens_first);
  };
  auto q_heads = heads(*q), k_heads = heads(*k), v_heads = heads(*v);
  if (!q_heads || !k_heads || !v_heads) {
    return std::nullopt;
  }
  return Projections{std::move(*q_heads), std::move(*k_heads), std::move(*v_heads)};
}

std::optional<Streamed> Streams::read(const Reading& reading, Side side) const {
  auto main = read(roles_.main, reading, side);
  if (!main || !roles_.added.is_whole()) {
    return main ? std::optional(Streamed{std::move(*main), {}}) : std::nullopt;
  }
  auto added = read(roles_.added, reading, side);
  if (!added || added->q.heads != main->q.heads || added->k.heads != main->k.heads ||
      added->q.batch != main->q.batch || !fits(*main, {}) || !fits(*added, {})) {
    return std::nullopt;
  }
  const auto& [first, second] =
      reading.added_first ? std::tie(*added, *main) : std::tie(*main, *added);
  return Streamed{
      {joined(first.q, second.q), joined(first.k, second.k), joined(first.v, second.v)},
      {first.q.tokens}};
}

} // namespace mflux::parity
