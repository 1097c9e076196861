#include "mflux/parity/diagnose/pointwise/activation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "parity/diagnose/pointwise_support.h"

namespace mflux::parity {
namespace {

using testing::causes_of;
using testing::diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using ::testing::IsEmpty;
using testing::mapped;
using testing::normal;
using testing::Values;
using testing::with_noise;

double gelu(double x) {
  return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
}

double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

double silu(double x) {
  return x / (1 + std::exp(-x));
}

double quick(double x) {
  return x / (1 + std::exp(-1.702 * x));
}

using Function = double (*)(double);

Values through(const Values& x, Function function) {
  return mapped(x, [&](double value, int64_t) { return function(value); });
}

const artifacts::Shape kShape = {2, 20, 24};

class Activation : public ::testing::TestWithParam<std::pair<Function, Function>> {};

TEST_P(Activation, FromTheOutputsAlone) {
  const auto [right, wrong] = GetParam();
  for (const unsigned seed : {1u, 2u, 3u}) {
    const Values x = normal(960, seed);
    EXPECT_THAT(
        causes_of(kShape, through(x, right), through(x, wrong)),
        ElementsAre("activation.variant at x"));
    EXPECT_THAT(causes_of(kShape, through(x, right), through(x, right)), IsEmpty());
  }
}

TEST_P(Activation, OfADumpedInput) {
  const auto [right, wrong] = GetParam();
  const Values x = normal(960, 4);
  const auto side = [&](const Values& out) {
    return std::vector<artifacts::NamedTensor>{
        {"mlp.act.in", floats(kShape, x)}, {"mlp.act", floats(kShape, out)}};
  };
  const auto found = diagnosed(side(through(x, right)), side(with_noise(through(x, wrong), 3)));
  EXPECT_THAT(found.causes(), ElementsAre("activation.variant at mlp.act"));
}

TEST_P(Activation, OfAGateSeenAtTheNextLinear) {
  const auto [right, wrong] = GetParam();
  const Values gate = normal(960, 5), up = normal(960, 6);
  const auto side = [&](Function function, bool is_exchanged) {
    const Values curve = through(is_exchanged ? up : gate, function);
    const Values out = mapped(curve, [&](double value, int64_t i) {
      return value * (is_exchanged ? gate : up)[static_cast<size_t>(i)];
    });
    return std::vector<artifacts::NamedTensor>{
        {"mlp.gate_proj", floats(kShape, gate)},
        {"mlp.up_proj", floats(kShape, up)},
        {"mlp.down_proj.in", floats(kShape, out)}};
  };
  EXPECT_THAT(
      diagnosed(side(right, false), side(wrong, false)).causes(),
      ElementsAre("activation.variant at mlp.down_proj.in"));
  EXPECT_THAT(
      diagnosed(side(right, false), side(right, true)).causes(),
      ElementsAre("concat.order at mlp.down_proj.in"));
}

INSTANTIATE_TEST_SUITE_P(
    Pairs,
    Activation,
    ::testing::Values(
        std::pair<Function, Function>(gelu, gelu_tanh),
        std::pair<Function, Function>(gelu_tanh, gelu),
        std::pair<Function, Function>(gelu, quick),
        std::pair<Function, Function>(silu, gelu),
        std::pair<Function, Function>(quick, silu)));

} // namespace
} // namespace mflux::parity
