#include "mflux/base/log.h"

#include <vector>

#include "gmock/gmock.h"

namespace mflux {
namespace {

TEST(Log, GoesToTheSinkAndNowhereElse) {
  std::vector<std::string> seen;
  ::testing::internal::CaptureStderr();
  log(LogLevel::info, "dropped");
  set_log_sink([&](LogLevel, const std::string& message) { seen.push_back(message); });
  log(LogLevel::warning, "kept");
  set_log_sink({});
  log(LogLevel::warning, "dropped again");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(seen, ::testing::ElementsAre("kept"));
}

} // namespace
} // namespace mflux
