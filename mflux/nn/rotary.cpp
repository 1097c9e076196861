#include "mflux/nn/rotary.h"

#include <cmath>
#include <unordered_map>

namespace mflux::nn {
namespace {

std::vector<double> frequencies_of(int dim, double theta) {
  std::vector<double> frequencies;
  for (int i = 0; i < dim; i += 2) {
    frequencies.push_back(1.0 / std::pow(theta, static_cast<double>(i) / dim));
  }
  return frequencies;
}

/// What one axis turns its channels by: [tokens, dim / 2]. Each position's angles are computed
/// once, for an image has few rows and columns, and put in their places by the device.
RotaryTables turns_of(const std::vector<float>& positions, int dim, double theta) {
  const auto frequencies = frequencies_of(dim, theta);
  std::unordered_map<float, int> rows;
  std::vector<int> row_of;
  std::vector<float> cos, sin;
  for (const float position : positions) {
    const auto [place, is_new] = rows.try_emplace(position, static_cast<int>(rows.size()));
    row_of.push_back(place->second);
    for (size_t i = 0; is_new && i < frequencies.size(); ++i) {
      const double angle = double{position} * frequencies[i];
      cos.push_back(static_cast<float>(std::cos(angle)));
      sin.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  const mx::array places(row_of.data(), {static_cast<int>(row_of.size())}, mx::int32);
  const mx::Shape shape{static_cast<int>(rows.size()), static_cast<int>(frequencies.size())};
  const auto table = [&](const std::vector<float>& values) {
    return mx::take(mx::array(values.data(), shape, mx::float32), places, 0);
  };
  return {.cos = table(cos), .sin = table(sin)};
}

} // namespace

RotaryTables rotary_tables(
    const std::vector<float>& positions, const std::vector<int>& dims, double theta) {
  std::vector<mx::array> cos, sin;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    std::vector<float> along;
    for (size_t i = axis; i < positions.size(); i += dims.size()) {
      along.push_back(positions[i]);
    }
    const auto turns = turns_of(along, dims[axis], theta);
    cos.push_back(turns.cos);
    sin.push_back(turns.sin);
  }
  const auto of_pairs = [](const std::vector<mx::array>& parts) {
    return mx::repeat(mx::concatenate(parts, 1), 2, 1);
  };
  return {.cos = of_pairs(cos), .sin = of_pairs(sin)};
}

RotaryTables joined(const RotaryTables& first, const RotaryTables& second) {
  return {
      .cos = mx::concatenate({first.cos, second.cos}, 0),
      .sin = mx::concatenate({first.sin, second.sin}, 0)};
}

mx::array rotate_pairs(const mx::array& x, const RotaryTables& tables) {
  const auto wide = mx::astype(x, mx::float32);
  const auto pairs = mx::split(mx::unflatten(wide, 3, {-1, 2}), 2, 4);
  const auto turned = mx::flatten(mx::concatenate({mx::negative(pairs[1]), pairs[0]}, 4), 3, 4);
  const auto cos = mx::expand_dims(tables.cos, {0, 2}), sin = mx::expand_dims(tables.sin, {0, 2});
  const auto y = mx::add(mx::multiply(wide, cos), mx::multiply(turned, sin));
  return mx::astype(y, x.dtype());
}

} // namespace mflux::nn
