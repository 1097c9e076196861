#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "support/diagnosed.h"

namespace mflux::parity {
namespace {

using testing::diagnosed;
using testing::Diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using ::testing::HasSubstr;
using testing::in_bfloat16;
using ::testing::IsEmpty;
using testing::normal;
using testing::row;

std::vector<float> mapped(std::vector<float> values, const std::function<float(float)>& change) {
  for (float& value : values) {
    value = change(value);
  }
  return values;
}

Diagnosed run(
    const std::string& name, const std::vector<float>& ref, const std::vector<float>& port) {
  const auto rest = normal(4000, 5);
  return diagnosed({row(name, ref), row("prompt", rest)}, {row(name, port), row("prompt", rest)});
}

/// diffusers' Timesteps.
std::vector<float> embedding(const std::vector<float>& times, int half, bool cosines_first) {
  std::vector<float> out;
  for (const float t : times) {
    for (const bool cosines : {cosines_first, !cosines_first}) {
      for (int i = 0; i < half; ++i) {
        const float angle =
            t * std::exp(-std::log(10000.0f) * static_cast<float>(i) / static_cast<float>(half));
        out.push_back(cosines ? std::cos(angle) : std::sin(angle));
      }
    }
  }
  return out;
}

TEST(Timestep, RoundedIsNamedUnderManyNames) {
  const std::vector<float> times = {981.7f, 731.3f, 502.9f, 243.1f};
  for (const char* name : {"timesteps", "transformer.in.timestep", "t@step=3", "timestep@step=2"}) {
    EXPECT_THAT(
        run(name, times, in_bfloat16(times)).causes(),
        ElementsAre(std::string("timestep.rounded at ") + name));
    const auto whole = run(name, times, mapped(times, [](float t) { return std::floor(t); }));
    EXPECT_THAT(whole.causes(), ElementsAre(std::string("timestep.rounded at ") + name));
  }
}

TEST(Timestep, ScaleIsNamedAlsoOfOne) {
  const auto found = run("timestep@step=1", {0.8317f}, {831.7f});
  ASSERT_THAT(found.causes(), ElementsAre("timestep.scale at timestep@step=1"));
  EXPECT_EQ(found.diagnosis.causes[0].transform, "scale 0.001");
  EXPECT_THAT(
      run("timestep@step=1", {0.8317f}, {1 - 0.8317f}).causes(),
      ElementsAre("timestep.scale at timestep@step=1"));
  EXPECT_THAT(
      run("transformer.in.t", {831.7f}, {1000 - 831.7f}).causes(),
      ElementsAre("timestep.scale at transformer.in.t"));
}

TEST(Timestep, AnotherTimeIsNeither) {
  EXPECT_THAT(run("timestep@step=1", {0.8317f}, {0.4211f}).causes(), IsEmpty());
}

TEST(Timestep, IsReadBackFromItsEmbedding) {
  const auto noise = normal(3000, 8);
  for (const bool cosines_first : {false, true}) {
    for (const int half : {8, 128}) {
      const auto dump = [&](std::vector<float> times) {
        return std::vector<artifacts::NamedTensor>{
            row("noise", noise),
            {"transformer.time_embed.time_proj",
             floats({2, 2 * half}, embedding(times, half, cosines_first))}};
      };
      const auto ref = dump({731.34f, 12.71f});
      EXPECT_THAT(
          diagnosed(ref, dump({732, 12.6875f})).causes(),
          ElementsAre("timestep.rounded at transformer.time_embed.time_proj"))
          << half;
      EXPECT_THAT(
          diagnosed(ref, dump({0.73134f, 0.01271f})).causes(),
          ElementsAre("timestep.scale at transformer.time_embed.time_proj"));
      EXPECT_THAT(diagnosed(ref, dump({700.1f, 3.2f})).causes(), IsEmpty());
    }
  }
}

} // namespace
} // namespace mflux::parity
