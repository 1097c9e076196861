#include "mflux/nn/timestep_embedding.h"

#include <cmath>
#include <utility>
#include <vector>

namespace mflux::nn {
namespace {

/// Exponents in float32 as the reference has them, for a frequency's last bit, times a timestep of
/// 1000, is an angle of 6e-5; each exp is then rounded once.
mx::array frequencies_of(int count) {
  const auto step = static_cast<float>(-std::log(10000.0));
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    const float exponent = step * static_cast<float>(i) / static_cast<float>(count);
    values.push_back(static_cast<float>(std::exp(static_cast<double>(exponent))));
  }
  return mx::array(values.data(), {1, count}, mx::float32);
}

} // namespace

Timesteps::Timesteps(Scope here, int channel_count)
    : Module(std::move(here)),
      channels(channel_count),
      frequencies(frequencies_of(channel_count / 2)) {}

mx::array Timesteps::operator()(const mx::array& numbers) const {
  if (numbers.ndim() != 1) {
    reject(numbers, "[batch]");
  }
  const auto call = this->call();
  const auto t = mx::astype(call.in(numbers, Axes::as_is), mx::float32);
  const auto angles = mx::multiply(mx::expand_dims(t, 1), frequencies);
  std::vector<mx::array> parts{mx::cos(angles), mx::sin(angles)};
  if (channels % 2 == 1) {
    parts.push_back(mx::zeros({t.shape(0), 1}, mx::float32));
  }
  return call.out(mx::concatenate(parts, 1), Axes::as_is);
}

mx::array TimestepEmbedding::operator()(const mx::array& input) const {
  const auto call = this->call();
  return call.out(linear_2(act(linear_1(call.in(input, Axes::as_is)))), Axes::as_is);
}

} // namespace mflux::nn
