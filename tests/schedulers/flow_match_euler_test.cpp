// Schedules against diffusers' own, for every number of steps from 1 to 50.
#include "mflux/schedulers/flow_match_euler.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "support/expect_error.h"
#include "support/fixture.h"

namespace mflux {
namespace {

using testing::error_of;
using testing::fixture;
using ::testing::HasSubstr;

std::map<std::string, std::vector<double>> read(const std::string& name) {
  const auto artifact = artifacts::open_artifact(fixture("schedulers") / name);
  std::map<std::string, std::vector<double>> out;
  for (size_t i = 0; i < artifact->tensors().size(); ++i) {
    const auto tensor = artifact->load(i);
    auto& values = out[artifact->tensors()[i].name];
    for (int64_t k = 0; k < tensor.count(); ++k) {
      values.push_back(artifacts::value_at(tensor, k));
    }
  }
  return out;
}

Json configs() {
  return read_json(fixture("schedulers") / "configs.json");
}

/// To the last bit.
void expect_same(const std::vector<double>& got, const double* want, const std::string& what) {
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i], want[i]) << what << ", at " << i;
  }
}

TEST(FlowMatchEuler, KleinsScheduleOfEveryNumberOfStepsIsDiffusers) {
  const auto config = parse_flow_match_euler_config(configs().at("klein"), "klein");
  const auto expected = read("klein.npz");
  for (const int tokens : {64, 1024, 4300, 4301, 16384}) {
    const auto& sigmas = expected.at(fmt::format("sigmas.{}", tokens));
    const auto& timesteps = expected.at(fmt::format("timesteps.{}", tokens));
    size_t sigma = 0, timestep = 0;
    for (int steps = 1; steps <= 50; ++steps) {
      const auto made = make_schedule(config, linear_sigmas(steps), empirical_mu(tokens, steps));
      const auto what = fmt::format("{} tokens, {} steps", tokens, steps);
      ASSERT_EQ(made.steps(), steps);
      ASSERT_EQ(made.sigmas.size(), made.timesteps.size() + 1);
      expect_same(made.sigmas, sigmas.data() + sigma, what);
      expect_same(made.timesteps, timesteps.data() + timestep, what);
      sigma += steps + 1;
      timestep += steps;
    }
    EXPECT_EQ(sigma, sigmas.size());
    EXPECT_EQ(timestep, timesteps.size());
  }
}

TEST(FlowMatchEuler, OtherConfigsWithSigmasOfTheirOwnAreDiffusers) {
  const auto facts = configs();
  const auto expected = read("custom.npz");
  const auto sigmas = facts["sigmas"].get<std::vector<double>>();
  ASSERT_EQ(facts["custom"].size(), 6u);
  for (const auto& item : facts["custom"].items()) {
    const auto config = parse_flow_match_euler_config(item.value(), item.key());
    const auto made = make_schedule(config, sigmas, facts["mu"].get<double>());
    const auto& wanted = expected.at("sigmas." + item.key());
    ASSERT_EQ(made.sigmas.size(), wanted.size()) << item.key();
    expect_same(made.sigmas, wanted.data(), item.key());
    expect_same(made.timesteps, expected.at("timesteps." + item.key()).data(), item.key());
  }
}

TEST(FlowMatchEuler, WhatIsNotImplementedIsRefusedByName) {
  for (const std::string key :
       {"use_karras_sigmas",
        "use_exponential_sigmas",
        "use_beta_sigmas",
        "use_flow_sigmas",
        "stochastic_sampling"}) {
    const auto parse = [&] { parse_flow_match_euler_config(Json{{key, true}}, "s.json"); };
    EXPECT_THAT(error_of(parse), HasSubstr("s.json: " + key)) << key;
    parse_flow_match_euler_config(Json{{key, false}}, "s.json");
    parse_flow_match_euler_config(Json{{key, nullptr}}, "s.json");
  }
}

TEST(FlowMatchEuler, BadConfigsAreRefused) {
  const auto message = [](const Json& json) {
    return error_of([&] { parse_flow_match_euler_config(json, "s.json"); });
  };
  EXPECT_THAT(message({{"_class_name", "DDIMScheduler"}}), HasSubstr("DDIMScheduler"));
  EXPECT_THAT(message({{"time_shift_type", "cubic"}}), HasSubstr("exponential or linear"));
  EXPECT_THAT(message({{"num_train_timesteps", 0}}), HasSubstr("num_train_timesteps"));
  EXPECT_THAT(message({{"shift", 0}}), HasSubstr("shift is 0"));
  EXPECT_THAT(message({{"shift_terminal", 1}}), HasSubstr("shift_terminal"));
}

TEST(FlowMatchEuler, SigmasOutOfRangeAreRefused) {
  const FlowMatchEulerConfig config;
  for (const std::vector<double>& sigmas :
       {std::vector<double>{}, {1, 0}, {1.5}, {-0.5}, {std::nan("")}}) {
    EXPECT_THAT(error_of([&] { make_schedule(config, sigmas, 0); }), HasSubstr("expected"));
  }
  EXPECT_THAT(error_of([] { linear_sigmas(0); }), HasSubstr("0 steps"));
  FlowMatchEulerConfig terminal;
  terminal.shift_terminal = 0.1;
  EXPECT_THAT(error_of([&] { make_schedule(terminal, {1}, 0); }), HasSubstr("cannot be shifted"));
}

// int(max(n - min(n * strength, n), 0)) of diffusers.
TEST(FlowMatchEuler, ImageToImageLeavesOutTheFirstSteps) {
  EXPECT_EQ(steps_left_out(4, 1), 0);
  EXPECT_EQ(steps_left_out(4, 0.6), 1);
  EXPECT_EQ(steps_left_out(4, 0.2), 3);
  EXPECT_EQ(steps_left_out(50, 0.75), 12);
  EXPECT_EQ(steps_left_out(4, 0), 4);
  EXPECT_THAT(error_of([] { steps_left_out(4, 1.1); }), HasSubstr("strength is 1.1"));

  const auto whole = make_schedule({}, {1, 0.5, 0.25}, 0);
  const auto rest = without_first_steps(whole, 1);
  EXPECT_EQ(rest.sigmas, (std::vector<double>{0.5, 0.25, 0}));
  EXPECT_EQ(rest.timesteps, (std::vector<double>{500, 250}));
  EXPECT_EQ(rest.dt(1), -0.25);
  EXPECT_THAT(error_of([&] { without_first_steps(whole, 3); }), HasSubstr("at least one"));
}

} // namespace
} // namespace mflux
