// What records prove, and what they no longer do once the code has changed.
#include "mflux/ports/status.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/ports/status_output.h"
#include "ports/scratch_checkout.h"
#include "support/expect_error.h"

namespace mflux::ports {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::measured;
using Kind = Measurement::Kind;

Measurement schema() {
  auto one = measured(Kind::schema);
  one.test = "toy.Net.Published";
  return one;
}

class PortStatusTest : public ::testing::Test {
 protected:
  void target(const std::string& lines) {
    checkout.put(checkout.kPort, checkout.port_toml(lines));
  }

  testing::ScratchCheckout checkout;
};

TEST_F(PortStatusTest, NothingIsProvenWithoutRecords) {
  EXPECT_EQ(checkout.net().state, State::declared);
  EXPECT_THAT(checkout.status().all_problems(), IsEmpty());
}

TEST_F(PortStatusTest, EachRecordProvesItsState) {
  checkout.record({schema()});
  EXPECT_EQ(checkout.net().state, State::loads);
  checkout.record({measured(Kind::live)});
  EXPECT_EQ(checkout.net().state, State::matches);
  checkout.record({measured(Kind::fixture)});
  EXPECT_EQ(checkout.net().state, State::locked);
  EXPECT_THAT(checkout.net().locked_by, ElementsAre("toy.Net.MatchesTheReference"));
  EXPECT_EQ(checkout.net().worst()->commit, "abc");
  EXPECT_THAT(checkout.status().all_problems(), IsEmpty());
}

TEST_F(PortStatusTest, OptimisedIsWhatMeetsItsTarget) {
  auto speed = measured(Kind::speed);
  speed.test = "toy.Net.Published";
  target("speed_ms = 39\nspeed_of = \"a step\"\n");
  checkout.record({measured(Kind::fixture), speed});
  EXPECT_EQ(checkout.net().state, State::locked);
  target("speed_ms = 41\nspeed_of = \"a step\"\n");
  EXPECT_EQ(checkout.net().state, State::optimised);
}

TEST_F(PortStatusTest, ACodeChangeMakesARecordOld) {
  checkout.record({schema(), measured(Kind::fixture)});
  checkout.put("mflux/nn/layer.h", "#pragma once\nint layer(int);\n");
  const auto net = checkout.net();
  EXPECT_EQ(net.state, State::declared);
  EXPECT_THAT(
      net.problems,
      ElementsAre(
          AllOf(HasSubstr("MatchesTheReference"), HasSubstr("older than the code it covers")),
          HasSubstr("Published")));
}

TEST_F(PortStatusTest, AChangedTestMakesOnlyItsOwnRecordsOld) {
  checkout.put("tests/schema_test.cpp", "TEST(Net, Published) {}");
  auto other = schema();
  other.source = "tests/schema_test.cpp";
  checkout.record({other, measured(Kind::fixture)});
  checkout.put("tests/net_test.cpp", "TEST(Net, MatchesTheReference) { int looser; }");
  EXPECT_EQ(checkout.net().state, State::loads);
  EXPECT_THAT(checkout.net().problems, ElementsAre(HasSubstr("MatchesTheReference")));
}

TEST_F(PortStatusTest, ADumpMadeAnewMakesARecordOld) {
  checkout.put("tests/fixtures/net/dump.safetensors", "one");
  checkout.record({measured(Kind::fixture)});
  EXPECT_EQ(checkout.net().state, State::locked);
  checkout.put("tests/fixtures/net/dump.safetensors", "two");
  EXPECT_EQ(checkout.net().state, State::declared);
  EXPECT_THAT(checkout.net().problems, ElementsAre(HasSubstr("older than the code it covers")));
}

TEST_F(PortStatusTest, ATestThatHasGoneProvesNothing) {
  checkout.record({measured(Kind::fixture)});
  checkout.put("tests/net_test.cpp", "TEST(Net, Published) {}");
  EXPECT_EQ(checkout.net().state, State::declared);
  EXPECT_THAT(checkout.net().problems, ElementsAre(HasSubstr("has gone from tests/net_test.cpp")));
}

TEST_F(PortStatusTest, WhatFailedOrIsTooFarOffIsNoMatch) {
  auto failed = measured(Kind::fixture);
  failed.passed = false;
  checkout.record({schema(), failed});
  EXPECT_EQ(checkout.net().state, State::loads);
  EXPECT_THAT(checkout.net().problems, ElementsAre(HasSubstr("failed when it measured")));
  auto far = measured(Kind::fixture);
  far.rel_l2 = 2e-5;
  checkout.record({far});
  EXPECT_EQ(checkout.net().state, State::loads);
  EXPECT_THAT(checkout.net().problems, ElementsAre(HasSubstr("rel_l2 2.0e-05 at net.layer")));
}

TEST_F(PortStatusTest, OneFixtureThatFailsUndoesTheOthers) {
  auto other = measured(Kind::fixture);
  other.what = "tests/fixtures/other";
  other.rel_l2 = std::numeric_limits<double>::infinity();
  checkout.record({measured(Kind::fixture), other});
  EXPECT_EQ(checkout.net().state, State::declared);
  EXPECT_FALSE(checkout.net().problems.empty());
}

TEST_F(PortStatusTest, ARunMayNotTakeMoreThanItsPlan) {
  auto memory = measured(Kind::memory);
  memory.test = "toy.Net.Published";
  target("peak_ratio = 1.05\n");
  checkout.record({memory});
  EXPECT_THAT(checkout.net().problems, ElementsAre(HasSubstr("1.05 times the memory")));
}

TEST_F(PortStatusTest, RecordsOfATestAreReplacedAndOthersStay) {
  auto first = measured(Kind::fixture), second = first;
  second.what = "tests/fixtures/second";
  checkout.record({schema(), first, second});
  checkout.record({second});
  const auto net = checkout.net();
  ASSERT_EQ(net.parity.size(), 1u);
  EXPECT_EQ(net.parity[0].measured.what, "tests/fixtures/second");
  EXPECT_EQ(net.schemas.size(), 1u);
}

TEST_F(PortStatusTest, ATestOfNoPortIsToldNotKept) {
  auto stray = measured(Kind::fixture);
  stray.test = "other.Net.Matches";
  const auto done = checkout.record({stray});
  EXPECT_THAT(done.unclaimed, ElementsAre("other.Net.Matches"));
  EXPECT_THAT(done.files, IsEmpty());
}

TEST_F(PortStatusTest, CodeChangedAfterItWasMeasuredIsRefused) {
  checkout.record({schema()});
  std::filesystem::last_write_time(
      checkout.path() / "mflux/nn/layer.h",
      std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_THAT(
      error_of([&] { checkout.record({measured(Kind::fixture)}); }),
      HasSubstr("mflux/nn/layer.h was changed after"));
  EXPECT_THAT(checkout.net().parity, IsEmpty());
}

TEST_F(PortStatusTest, PortsAndTheRegistryAreHeldTogether) {
  EXPECT_THAT(
      status_of(checkout.path(), {}).all_problems(),
      ElementsAre(HasSubstr("does not register it")));
  EXPECT_THAT(
      status_of(checkout.path(), {"toy", "ghost"}).all_problems(),
      ElementsAre(HasSubstr("ghost: registered, but no")));
}

TEST_F(PortStatusTest, AModelThatReadsADumpIsAProblem) {
  checkout.put("mflux/models/toy/net.cpp", "auto x = mx::load(\"ref\");\n");
  EXPECT_THAT(checkout.net().problems, ElementsAre(HasSubstr("net.cpp:1: reads a file")));
}

TEST_F(PortStatusTest, AResultOfNoComponentIsAProblem) {
  checkout.put("mflux/models/toy/results/gone.json", "{}");
  EXPECT_THAT(checkout.status().all_problems(), ElementsAre(HasSubstr("results/gone.json")));
}

TEST_F(PortStatusTest, BrokenResultsAreNamed) {
  for (const char* text :
       {"{}", "[]", "{\"records\": [3]}", "{\"records\": [{\"kind\": \"x\"}]}", "{"}) {
    checkout.put("mflux/models/toy/results/net.json", text);
    EXPECT_THAT(error_of([&] { checkout.status(); }), HasSubstr("results/net.json")) << text;
  }
}

TEST_F(PortStatusTest, NoMeasurementsAreRefused) {
  EXPECT_THAT(error_of([&] { checkout.record({}); }), HasSubstr("holds no measurements"));
  EXPECT_THAT(
      error_of([&] { record(checkout.path(), "/nowhere", "abc"); }), HasSubstr("is no folder"));
}

TEST_F(PortStatusTest, IsTextForPeopleAndJson) {
  checkout.record({schema(), measured(Kind::fixture)});
  const auto status = checkout.status();
  EXPECT_THAT(
      to_text(status),
      AllOf(
          HasSubstr("7 tensors"),
          HasSubstr("2.0e-06 of 1e-05"),
          HasSubstr("net.layer"),
          HasSubstr("every result is of today's code")));
  const auto json = to_json(status);
  EXPECT_TRUE(json["ok"].get<bool>());
  EXPECT_EQ(json["ports"][0]["components"][0]["state"], "locked");
  EXPECT_EQ(json["ports"][0]["components"][0]["rel_l2"], 2e-6);
}

} // namespace
} // namespace mflux::ports
