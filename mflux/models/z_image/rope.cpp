#include "mflux/models/z_image/rope.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mflux/base/error.h"

namespace mflux::z_image {
namespace {

constexpr const char* kAxes[] = {"first", "row's", "column's"};

mx::array to_complex(const nn::RotaryTables& tables) {
  // Both numbers of a pair have one angle.
  const auto every_second = [](const mx::array& x) {
    const auto& shape = x.shape();
    return mx::slice(x, {0, 0, 0}, shape, {1, 1, 2});
  };
  const mx::array i(mx::complex64_t{0, 1});
  return mx::add(
      mx::astype(every_second(tables.cos), mx::complex64),
      mx::multiply(mx::astype(every_second(tables.sin), mx::complex64), i));
}

mx::array fitted(const mx::array& table, int tokens) {
  const int most = std::min(tokens, table.shape(0));
  const auto cut = mx::slice(table, {0, 0}, {most, table.shape(1)});
  return mx::pad(cut, {{0, tokens - most}, {0, 0}});
}

} // namespace

Rotary Rotary::seen(const capture::Call& call) const {
  const auto given = call.in("freqs_cis", freqs_cis, nn::Axes::as_is);
  if (given.id() == freqs_cis.id()) {
    return *this;
  }
  return {
      .freqs_cis = given,
      .tables = {
          .cos = mx::repeat(mx::real(given), 2, 2), .sin = mx::repeat(mx::imag(given), 2, 2)}};
}

nn::RotaryTables turns_of(const std::vector<Position>& positions, const TransformerConfig& config) {
  std::vector<float> numbers;
  for (const auto& position : positions) {
    const std::array axes{position.t, position.row, position.column};
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      if (axes[axis] >= config.axes_lens[axis]) {
        throw Error(fmt::format(
            "a token's {} position is {}, but the transformer has {} of them (axes_lens): give a "
            "shorter prompt or a smaller picture",
            kAxes[axis],
            axes[axis],
            config.axes_lens[axis]));
      }
      numbers.push_back(static_cast<float>(axes[axis]));
    }
  }
  return nn::rotary_tables(numbers, config.axes_dims, config.rope_theta, nn::Angles::in_float);
}

Rotary rotary_of(const std::vector<nn::RotaryTables>& sequences, int tokens) {
  std::vector<mx::array> cos, sin;
  for (const auto& tables : sequences) {
    cos.push_back(fitted(tables.cos, tokens));
    sin.push_back(fitted(tables.sin, tokens));
  }
  const nn::RotaryTables tables{.cos = mx::stack(cos), .sin = mx::stack(sin)};
  return {.freqs_cis = to_complex(tables), .tables = tables};
}

} // namespace mflux::z_image
