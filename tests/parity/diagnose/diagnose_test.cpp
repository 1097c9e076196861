#include "mflux/parity/diagnose/diagnose.h"

#include <cmath>

#include "gmock/gmock.h"
#include "support/diagnosed.h"

namespace mflux::parity {
namespace {

using artifacts::NamedTensor;
using artifacts::Shape;
using mflux::testing::diagnosed;
using mflux::testing::floats;
using mflux::testing::normal;
using mflux::testing::with_noise;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Values = std::vector<float>;

NamedTensor named(const std::string& name, const Shape& shape, const Values& values) {
  return {name, floats(shape, values)};
}

template <typename Change>
Values mapped(Values values, Change&& change) {
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = change(values[i], i);
  }
  return values;
}

TEST(Diagnose, AConstantPortExplainsNothing) {
  for (const Shape& shape : {Shape{20, 30}, Shape{2, 10, 30}, Shape{600}}) {
    for (const float value : {-3.1f, 1.0f, 0.0f}) {
      const auto found = diagnosed(
          {named("m", shape, mapped(normal(600, 2), [](float x, size_t) { return x + 1; }))},
          {named("m", shape, Values(600, value))});
      EXPECT_THAT(found.causes(), IsEmpty()) << value;
    }
  }
}

TEST(Diagnose, WhatBeginsElsewhereIsNamedToo) {
  const Shape shape = {12, 10};
  const Values a = normal(120, 1), b = normal(120, 2), bias = normal(10, 3);
  const auto found = diagnosed(
      {named("vae.in", shape, a),
       named("vae", shape, b),
       named("text_encoder.in", shape, b),
       named("text_encoder", shape, a)},
      {named("vae.in", shape, a),
       named("vae", shape, mapped(b, [](float x, size_t) { return -x; })),
       named("text_encoder.in", shape, b),
       named(
           "text_encoder", shape, mapped(a, [&](float x, size_t i) { return x + bias[i % 10]; }))});
  EXPECT_THAT(
      found.causes(), UnorderedElementsAre("sign.flip at vae", "bias.missing at text_encoder"));
}

TEST(Diagnose, TwoCausesInOnePlaceAreBothNamed) {
  const Values ref = normal(16 * 24, 1);
  const Values port =
      mapped(ref, [&](float, size_t i) { return 0.5f * ref[i % 16 * 24 + i / 16]; });
  const auto found = diagnosed({named("x", {16, 24}, ref)}, {named("x", {24, 16}, port)});
  EXPECT_THAT(found.causes(), UnorderedElementsAre("layout.permute at x", "scale.constant at x"));
}

TEST(Diagnose, AnotherCallOfAModuleThatHasItsCauseAddsNone) {
  const Shape shape = {12, 10};
  const Values a = normal(120, 1), b = normal(120, 2), bias = normal(10, 3);
  const auto found = diagnosed(
      {named("m.in", shape, b),
       named("m", shape, a),
       named("m.call2.in", shape, a),
       named("m.call2", shape, b)},
      {named("m.in", shape, b),
       named("m", shape, mapped(a, [](float x, size_t) { return -x; })),
       named("m.call2.in", shape, a),
       named("m.call2", shape, mapped(b, [&](float x, size_t i) { return x + bias[i % 10]; }))});
  EXPECT_THAT(found.causes(), ElementsAre("sign.flip at m"));
}

TEST(Diagnose, ABiasOfFewRows) {
  const Shape shape = {1, 6, 12};
  const Values ref = normal(72, 1), bias = normal(12, 2);
  const auto found = diagnosed(
      {named("m", shape, ref)},
      {named(
          "m",
          shape,
          with_noise(mapped(ref, [&](float x, size_t i) { return x + bias[i % 12]; }), 3))});
  EXPECT_THAT(found.causes(), ElementsAre("bias.missing at m"));
}

/// GroupNorm of [1, channels, places] with a weight and bias per channel; channel c is in group
/// `group_of(c)`.
template <typename GroupOf>
Values group_norm(const Values& x, int channels, int groups, GroupOf&& group_of) {
  const int places = static_cast<int>(x.size()) / channels;
  std::vector<double> mean(groups), square(groups);
  const double count = static_cast<double>(x.size()) / groups;
  for (size_t i = 0; i < x.size(); ++i) {
    const int group = group_of(static_cast<int>(i) / places);
    mean[group] += x[i] / count;
    square[group] += x[i] * x[i] / count;
  }
  const Values weight = normal(channels, 8), bias = normal(channels, 9);
  return mapped(x, [&](float value, size_t i) {
    const int c = static_cast<int>(i) / places, group = group_of(c);
    const double variance = square[group] - mean[group] * mean[group];
    return static_cast<float>(
        weight[c] * (value - mean[group]) / std::sqrt(variance + 1e-6) + bias[c]);
  });
}

TEST(Diagnose, AGroupingOfOneSampleWithoutTheWeights) {
  const Shape shape = {1, 8, 30};
  Values x = normal(240, 1);
  x = mapped(
      x, [](float value, size_t i) { return value * (1 + i / 30) + static_cast<float>(i) / 60; });
  const auto found = diagnosed(
      {named("norm.in", shape, x),
       named("norm", shape, group_norm(x, 8, 4, [](int c) { return c / 2; }))},
      {named("norm.in", shape, x),
       named("norm", shape, group_norm(x, 8, 4, [](int c) { return c % 4; }))});
  EXPECT_THAT(found.causes(), ElementsAre("norm.groups at norm"));
}

TEST(Diagnose, WhatOnlyRepeatsATensorIsNotItsSource) {
  const Shape shape = {20, 30};
  const Values x = normal(600, 1);
  const auto silu = mapped(x, [](float v, size_t) { return v / (1 + std::exp(-v)); });
  const auto gelu =
      mapped(x, [](float v, size_t) { return 0.5f * v * (1 + std::erf(v / std::sqrt(2.0f))); });
  const auto found = diagnosed(
      {named("ff.proj", shape, x), named("ff.act", shape, gelu), named("ff.drop", shape, gelu)},
      {named("ff.proj", shape, x), named("ff.act", shape, silu), named("ff.drop", shape, silu)});
  EXPECT_THAT(found.causes(), ElementsAre("activation.variant at ff.act"));
}

TEST(Diagnose, OtherNumbersInADumpedWeightAreStated) {
  const Shape shape = {4, 6};
  const auto found = diagnosed(
      {named("lin", {3, 4}, normal(12, 1)), named("weights/lin.weight", shape, normal(24, 2))},
      {named("lin", {3, 4}, normal(12, 3)), named("weights/lin.weight", shape, normal(24, 4))});
  EXPECT_THAT(found.causes(), ElementsAre("weights.missing at lin"));
}

} // namespace
} // namespace mflux::parity
