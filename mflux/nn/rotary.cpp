#include "mflux/nn/rotary.h"

#include <cmath>
#include <numeric>

namespace mflux::nn {
namespace {

/// One pair of channels: which position turns it, and how fast.
struct Pair {
  size_t axis;
  double frequency;
};

std::vector<Pair> pairs_of(const std::vector<int>& dims, double theta) {
  std::vector<Pair> pairs;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    for (int i = 0; i < dims[axis]; i += 2) {
      pairs.push_back({axis, 1.0 / std::pow(theta, static_cast<double>(i) / dims[axis])});
    }
  }
  return pairs;
}

} // namespace

RotaryTables rotary_tables(
    const std::vector<float>& positions, const std::vector<int>& dims, double theta) {
  const auto pairs = pairs_of(dims, theta);
  const size_t tokens = positions.size() / dims.size();
  std::vector<float> cos, sin;
  cos.reserve(2 * tokens * pairs.size());
  sin.reserve(2 * tokens * pairs.size());
  for (size_t token = 0; token < tokens; ++token) {
    for (const auto& [axis, frequency] : pairs) {
      const double angle = double{positions[token * dims.size() + axis]} * frequency;
      cos.insert(cos.end(), 2, static_cast<float>(std::cos(angle)));
      sin.insert(sin.end(), 2, static_cast<float>(std::sin(angle)));
    }
  }
  const mx::Shape shape{static_cast<int>(tokens), static_cast<int>(2 * pairs.size())};
  return {
      .cos = mx::array(cos.data(), shape, mx::float32),
      .sin = mx::array(sin.data(), shape, mx::float32)};
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
