// A denoising run in numbers, written down as people do by hand, with one line of it wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "support/diagnosed.h"

namespace mflux::parity {
namespace {

using testing::diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using ::testing::IsEmpty;
using testing::normal;
using testing::with_noise;

using Values = std::vector<float>;
using Tensors = std::vector<artifacts::NamedTensor>;

/// Flow matching with guidance; the "model" is a fixed nonlinear function. Every line can be wrong.
struct Loop {
  unsigned seed = 1;
  int steps = 4;
  std::vector<double> sigmas{1, 0.86, 0.61, 0.33, 0};
  double guidance = 4;
  int lag = 0;        ///< another step's sigma is used
  bool swaps = false; ///< cond for uncond
  bool dumps_sigmas = true;
  unsigned noise = 0;  ///< of a float32 port
  unsigned drawn = 77; ///< the generator's seed
  std::function<double(double latent, double prediction, double dt)> update =
      [](double x, double v, double dt) { return x + dt * v; };
};

artifacts::NamedTensor named(const std::string& name, const Values& values) {
  return {name, floats({static_cast<int64_t>(values.size()) / 8, 8}, values)};
}

Values model(const Values& latents, double sigma, double text) {
  Values out;
  for (size_t i = 0; i < latents.size(); ++i) {
    const double other = latents[(i * 7 + 3) % latents.size()];
    out.push_back(static_cast<float>(
        0.7 * latents[i] - std::sin(2 * other + text * (1 + 0.1 * static_cast<double>(i % 5))) +
        0.3 * sigma));
  }
  return out;
}

Tensors dump_of(const Loop& loop) {
  Tensors out;
  unsigned seed = loop.noise;
  const auto put = [&](const std::string& name, Values values) {
    out.push_back(named(name, loop.noise ? with_noise(std::move(values), ++seed) : values));
  };
  Values latents = normal(960, loop.drawn + loop.seed);
  out.push_back(named("latents_initial", latents));
  if (loop.dumps_sigmas) {
    Values sigmas(loop.sigmas.begin(), loop.sigmas.end());
    out.push_back({"sigmas", floats({static_cast<int64_t>(sigmas.size())}, sigmas)});
  }
  for (int i = 0; i < loop.steps; ++i) {
    const auto at = static_cast<size_t>(i);
    const std::string step = "@step=" + std::to_string(i + 1);
    const auto cond = model(latents, loop.sigmas[at], 1.3);
    const auto uncond = model(latents, loop.sigmas[at], -0.4);
    put("noise_pred_cond" + step, cond);
    put("noise_pred_uncond" + step, uncond);
    const Values &a = loop.swaps ? cond : uncond, &b = loop.swaps ? uncond : cond;
    Values prediction;
    for (size_t k = 0; k < a.size(); ++k) {
      prediction.push_back(static_cast<float>(a[k] + loop.guidance * (b[k] - a[k])));
    }
    put("noise_pred" + step, prediction);
    const auto used = static_cast<size_t>(std::clamp(i + loop.lag, 0, loop.steps - 1));
    const double dt = loop.sigmas[used + 1] - loop.sigmas[used];
    for (size_t k = 0; k < latents.size(); ++k) {
      latents[k] = static_cast<float>(loop.update(latents[k], prediction[k], dt));
    }
    put("latents" + step, latents);
  }
  return out;
}

/// What is said of a run with `spoil` done to the port.
std::vector<std::string> causes(Loop ref, const std::function<void(Loop&)>& spoil) {
  Loop port = ref;
  port.noise = 1000;
  spoil(port);
  return diagnosed(dump_of(ref), dump_of(port)).causes();
}

class PipelineLoop : public ::testing::TestWithParam<unsigned> {
 protected:
  Loop loop{.seed = GetParam()};
};

TEST_P(PipelineLoop, OfARightPortNothingIsSaid) {
  EXPECT_THAT(causes(loop, [](Loop&) {}), IsEmpty());
}

TEST_P(PipelineLoop, AnotherGuidanceScale) {
  for (const double scale : {1.0, 3.5, 7.5}) {
    EXPECT_THAT(
        causes(loop, [&](Loop& port) { port.guidance = scale; }),
        ElementsAre("cfg.scale at noise_pred@step=1"));
  }
}

TEST_P(PipelineLoop, GuidanceTheWrongWayRound) {
  EXPECT_THAT(
      causes(loop, [](Loop& port) { port.swaps = true; }),
      ElementsAre("cfg.swapped at noise_pred@step=1"));
}

TEST_P(PipelineLoop, AnotherUpdate) {
  const std::vector<std::function<double(double, double, double)>> wrong{
      [](double x, double v, double dt) { return x - dt * v; },
      [](double x, double v, double dt) { return x + 0.5 * dt * v; },
      [](double x, double v, double dt) { return 0.9 * x + dt * v; }};
  for (const auto& update : wrong) {
    EXPECT_THAT(
        causes(loop, [&](Loop& port) { port.update = update; }),
        ElementsAre("scheduler.update at latents@step=1"));
  }
}

TEST_P(PipelineLoop, AnotherStepsSigma) {
  EXPECT_THAT(
      causes(loop, [](Loop& port) { port.lag = 1; }),
      ElementsAre("scheduler.offset at latents@step=1"));
}

TEST_P(PipelineLoop, AnotherSchedule) {
  EXPECT_THAT(
      causes(
          loop,
          [](Loop& port) {
            port.sigmas = {1, 0.75, 0.5, 0.25, 0};
          }),
      ElementsAre("scheduler.sigmas at sigmas"));
}

TEST_P(PipelineLoop, AnotherScheduleThatNobodyDumped) {
  loop.dumps_sigmas = false;
  EXPECT_THAT(
      causes(
          loop,
          [](Loop& port) {
            port.sigmas = {1, 0.8, 0.59, 0.42, 0};
          }),
      ElementsAre("scheduler.sigmas at latents@step=1"));
}

TEST_P(PipelineLoop, OtherRandomNumbers) {
  EXPECT_THAT(
      causes(loop, [](Loop& port) { port.drawn = 900; }),
      ElementsAre("rng.mismatch at latents_initial"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, PipelineLoop, ::testing::Values(1u, 2u, 3u, 4u));

} // namespace
} // namespace mflux::parity
