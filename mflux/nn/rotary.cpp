#include "mflux/nn/rotary.h"

#include <cmath>
#include <numeric>
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

/// Angles of one axis. Each position's are computed once, for an image has few rows and columns.
class Axis {
 public:
  Axis(int dim, double theta, Angles angles)
      : frequencies_(frequencies_of(dim, theta)), angles_(angles) {}

  struct Turn {
    std::vector<float> cos, sin;
  };

  const Turn& at(float position) {
    const auto [place, is_new] = turns_.try_emplace(position);
    Turn& turn = place->second;
    for (size_t i = 0; is_new && i < frequencies_.size(); ++i) {
      const double exact = double{position} * frequencies_[i];
      const double angle = angles_ == Angles::in_float ? static_cast<float>(exact) : exact;
      turn.cos.push_back(static_cast<float>(std::cos(angle)));
      turn.sin.push_back(static_cast<float>(std::sin(angle)));
    }
    return turn;
  }

 private:
  std::vector<double> frequencies_;
  Angles angles_;
  std::unordered_map<float, Turn> turns_;
};

} // namespace

RotaryTables rotary_tables(
    const std::vector<float>& positions,
    const std::vector<int>& dims,
    double theta,
    Angles angles) {
  std::vector<Axis> axes;
  for (const int dim : dims) {
    axes.emplace_back(dim, theta, angles);
  }
  const int tokens = static_cast<int>(positions.size() / dims.size());
  const int pairs = std::accumulate(dims.begin(), dims.end(), 0) / 2;
  std::vector<float> cos, sin;
  cos.reserve(static_cast<size_t>(tokens) * pairs);
  sin.reserve(cos.capacity());
  for (size_t i = 0; i < tokens * dims.size(); ++i) {
    const auto& turn = axes[i % dims.size()].at(positions[i]);
    cos.insert(cos.end(), turn.cos.begin(), turn.cos.end());
    sin.insert(sin.end(), turn.sin.begin(), turn.sin.end());
  }
  // Doubled on the device the tables are in its memory: read from the host's at every step, they
  // would take longer than turning does.
  const auto table = [&](const std::vector<float>& values) {
    return mx::repeat(mx::array(values.data(), {tokens, pairs}, mx::float32), 2, 1);
  };
  return {.cos = table(cos), .sin = table(sin)};
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
  const auto of_heads = [](const mx::array& table) {
    return mx::expand_dims(table.ndim() == 3 ? table : mx::expand_dims(table, 0), 2);
  };
  const auto cos = of_heads(tables.cos), sin = of_heads(tables.sin);
  const auto y = mx::add(mx::multiply(wide, cos), mx::multiply(turned, sin));
  return mx::astype(y, x.dtype());
}

} // namespace mflux::nn
