// `mflux port status` and `record` as a person meets them.
#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/base/json.h"
#include "ports/scratch_checkout.h"
#include "support/run_command.h"

namespace mflux {
namespace {

using ::testing::HasSubstr;
using testing::run_mflux;

TEST(PortStatusCommand, OutsideACheckoutIsOneLine) {
  testing::TemporaryFolder folder;
  const auto result = run_mflux({"port", "status", "--checkout", folder.path().string()});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("no checkout of mflux.cpp"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
}

TEST(PortStatusCommand, OnlyCheckFailsForProblems) {
  testing::ScratchCheckout checkout; // its port is none of this binary's
  const std::string path = checkout.path().string();
  const auto shown = run_mflux({"port", "status", "--checkout", path});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("! toy: mflux/models/registry.cpp does not register it"));
  EXPECT_EQ(run_mflux({"port", "status", "--check", "--checkout", path}).code, 1);
  const auto json = run_mflux({"--json", "port", "status", "--checkout", path});
  EXPECT_FALSE(Json::parse(json.out)["ok"].get<bool>());
}

TEST(PortStatusCommand, RecordsThatNobodyMeasuredAreOneLine) {
  testing::ScratchCheckout checkout;
  const std::string path = checkout.path().string();
  const auto result = run_mflux({"port", "record", path, "--commit", "abc", "--checkout", path});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("holds no measurements"));
}

} // namespace
} // namespace mflux
