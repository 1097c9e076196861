#include "mflux/nn/timestep_embedding.h"

#include <cmath>
#include <utility>
#include <vector>

namespace mflux::nn {

/// Exponents in float32 as the reference has them, for a frequency's last bit, times a timestep of
/// 1000, is an angle of 6e-5; each exp is then rounded once.
mx::array timestep_frequencies(int count) {
  const auto step = static_cast<float>(-std::log(10000.0));
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    const float exponent = step * static_cast<float>(i) / static_cast<float>(count);
    values.push_back(static_cast<float>(std::exp(static_cast<double>(exponent))));
  }
  return mx::array(values.data(), {1, count}, mx::float32);
}

mx::array sinusoid(const mx::array& numbers, const mx::array& frequencies) {
  const auto t = mx::expand_dims(mx::astype(numbers, mx::float32), 1);
  const auto angles = mx::multiply(t, frequencies);
  return mx::concatenate({mx::cos(angles), mx::sin(angles)}, 1);
}

Timesteps::Timesteps(Scope here, int channel_count)
    : Module(std::move(here)),
      channels(channel_count),
      frequencies(timestep_frequencies(channel_count / 2)) {}

mx::array Timesteps::operator()(const mx::array& numbers) const {
  if (numbers.ndim() != 1) {
    reject(numbers, "[batch]");
  }
  const auto call = this->call();
  auto waves = sinusoid(call.in(numbers, Axes::as_is), frequencies);
  if (channels % 2 == 1) {
    waves = mx::concatenate({waves, mx::zeros({waves.shape(0), 1}, mx::float32)}, 1);
  }
  return call.out(waves, Axes::as_is);
}

mx::array TimestepEmbedding::operator()(const mx::array& input) const {
  const auto call = this->call();
  return call.out(linear_2(act(linear_1(call.in(input, Axes::as_is)))), Axes::as_is);
}

} // namespace mflux::nn
