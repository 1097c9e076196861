#include "mflux/pipelines/denoise.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/expect_error.h"

namespace mflux::pipelines {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

mx::array tokens(std::vector<float> values, mx::Dtype dtype = mx::float32) {
  return mx::array(values.begin(), {1, static_cast<int>(values.size()), 1}, dtype);
}

std::vector<float> values(const mx::array& array) {
  auto plain = mx::contiguous(mx::astype(array, mx::float32));
  plain.eval();
  return {plain.data<float>(), plain.data<float>() + plain.size()};
}

/// Sees every checkpoint's name.
struct Names : capture::Observer {
  mx::array see(
      const std::string&,
      const std::string& checkpoint,
      capture::Role,
      const mx::array& tensor,
      capture::Axes) override {
    names.push_back(checkpoint);
    return tensor;
  }
  std::vector<std::string> names;
};

/// Two steps, 1 → 0.5 → 0, of a model that says what `predict` does.
struct Loop {
  mx::array run(const mx::array& start) {
    return denoise(
        start, {.schedule = schedule, .callbacks = callbacks, .taps = taps, .predict = predict});
  }

  Schedule schedule{.sigmas = {1, 0.5, 0}, .timesteps = {1000, 500}};
  Callbacks callbacks;
  capture::Taps taps;
  std::function<mx::array(const mx::array&, const mx::array&)> predict =
      [](const mx::array& latents, const mx::array&) { return latents; };
};

TEST(Denoise, TakesEveryEulerStep) {
  EXPECT_THAT(values(Loop().run(tokens({4, -8}))), ElementsAre(1, -2)); // · (1 − 0.5)²
}

TEST(Denoise, TellsTheModelTheTimestepInTheLatentsType) {
  Loop loop;
  std::vector<float> seen;
  loop.schedule.timesteps = {1000, 967.4};
  loop.predict = [&](const mx::array& latents, const mx::array& timestep) {
    EXPECT_EQ(timestep.dtype(), latents.dtype());
    EXPECT_EQ(timestep.shape(), mx::Shape{1});
    seen.push_back(values(timestep)[0]);
    return latents;
  };
  loop.run(tokens({1}, mx::bfloat16));
  EXPECT_THAT(seen, ElementsAre(1000, 968));
}

TEST(Denoise, RecordsItsCheckpointsInOrder) {
  Loop loop;
  Names observer;
  const capture::Watch watch(loop.taps, &observer);
  loop.run(tokens({1}));
  EXPECT_THAT(
      observer.names,
      ElementsAre(
          "scheduler.in.num_inference_steps",
          "scheduler.in.image_seq_len",
          "sigmas",
          "timesteps",
          "timestep@step=1",
          "noise_pred@step=1",
          "latents@step=1",
          "timestep@step=2",
          "noise_pred@step=2",
          "latents@step=2"));
  EXPECT_EQ(observer.step(), std::nullopt);
}

TEST(Denoise, GoesOnWithWhatAnObserverPutInPlace) {
  struct Halve : capture::Observer {
    mx::array see(
        const std::string&,
        const std::string& checkpoint,
        capture::Role,
        const mx::array& tensor,
        capture::Axes) override {
      return checkpoint == "sigmas" || checkpoint == "latents@step=1" ? tensor * mx::array(0.5f)
                                                                      : tensor;
    }
  } observer;
  Loop loop;
  const capture::Watch watch(loop.taps, &observer);
  // sigmas 0.5, 0.25, 0: 16 · 0.75 · 0.5 · 0.75
  EXPECT_THAT(values(loop.run(tokens({16}))), ElementsAre(4.5));
}

TEST(Denoise, NamesTheCheckpointThatIsNotFinite) {
  Loop loop;
  int calls = 0;
  loop.predict = [&](const mx::array& latents, const mx::array&) {
    return ++calls == 2 ? latents * mx::array(std::nanf("")) : latents;
  };
  EXPECT_THAT(error_of([&] { loop.run(tokens({1})); }), HasSubstr("noise_pred@step=2 holds NaN"));
  loop.predict = [](const mx::array&, const mx::array&) {
    return tokens({-std::numeric_limits<float>::max()});
  };
  EXPECT_THAT(
      error_of([&] { loop.run(tokens({std::numeric_limits<float>::max()})); }),
      HasSubstr("latents@step=1"));
}

// A GPU has the next step's work before anybody waits for the one ahead of it.
TEST(Denoise, OnAGpuIsAStepAheadOfWhatItReports) {
  Loop loop;
  std::vector<std::string> events;
  loop.predict = [&](const mx::array& latents, const mx::array&) {
    events.emplace_back("predict");
    return latents;
  };
  loop.callbacks.progress = [&](const Progress& progress) {
    events.push_back("step " + std::to_string(progress.step));
  };
  loop.run(tokens({1}));
  if (mx::default_device() == mx::Device::gpu) {
    EXPECT_THAT(events, ElementsAre("predict", "predict", "step 1", "step 2"));
  } else {
    EXPECT_THAT(events, ElementsAre("predict", "step 1", "predict", "step 2"));
  }
}

TEST(Denoise, StopsBetweenSteps) {
  Loop loop;
  int steps = 0;
  loop.callbacks.progress = [&](const Progress& progress) {
    EXPECT_EQ(progress.stage, Stage::denoise);
    EXPECT_EQ(progress.steps, 2);
    steps = progress.step;
  };
  loop.callbacks.is_cancelled = [&] { return steps == 1; };
  EXPECT_THROW(loop.run(tokens({1})), Cancelled);
  EXPECT_EQ(steps, 1);
}

// torch rounds dt and the product to bfloat16; the sum is float32 until it is rounded once.
TEST(EulerStep, RoundsInBfloat16AsTorchDoes) {
  const auto sample = tokens({1.0f}, mx::bfloat16), prediction = tokens({3.0f}, mx::bfloat16);
  // −0.0327148 (bf16) · 3 = −0.0981445 (bf16), 1 − 0.0981445 = 0.9018555 → 0.90234375 (bf16)
  EXPECT_THAT(values(euler_step(sample, prediction, -0.0326)), ElementsAre(0.90234375f));
  EXPECT_EQ(euler_step(sample, prediction, -0.0326).dtype(), mx::bfloat16);
  // −0.0327148 · 254 = −8.3096 → −8.3125 (bf16); with dt in float32 it would be −8.25
  EXPECT_THAT(
      values(euler_step(tokens({0}, mx::bfloat16), tokens({254}, mx::bfloat16), -0.0326)),
      ElementsAre(-8.3125f));
}

TEST(Guide, GoesFromTheUnconditionedPastTheConditioned) {
  EXPECT_THAT(values(guide(tokens({3}), tokens({1}), 4)), ElementsAre(9));
  EXPECT_EQ(guide(tokens({3}, mx::bfloat16), tokens({1}, mx::bfloat16), 4).dtype(), mx::bfloat16);
}

TEST(ScaleNoise, MixesBySigma) {
  EXPECT_THAT(values(scale_noise(tokens({8}), tokens({4}), 0.25)), ElementsAre(7));
  EXPECT_THAT(values(scale_noise(tokens({8}), tokens({4}), 1)), ElementsAre(4));
}

} // namespace
} // namespace mflux::pipelines
