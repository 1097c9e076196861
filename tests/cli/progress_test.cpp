#include "cli/progress.h"

#include <unistd.h>

#include <thread>

#include "gmock/gmock.h"

namespace mflux::cli {
namespace {

using pipelines::Progress;
using pipelines::Stage;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

TEST(Progress, DurationsReadWell) {
  EXPECT_EQ(duration(0.04), "0.0 s");
  EXPECT_EQ(duration(9.94), "9.9 s");
  EXPECT_EQ(duration(9.96), "10 s");
  EXPECT_EQ(duration(59.6), "1 min 00 s");
  EXPECT_EQ(duration(200), "3 min 20 s");
  EXPECT_EQ(duration(7500), "2 h 05 min");
}

TEST(Progress, TheBarTellsTheTimeLeft) {
  EXPECT_EQ(progress_bar("seed 7", 0, 4, 0), "seed 7 [....................] step 0/4");
  EXPECT_EQ(progress_bar("seed 7", 1, 4, 2), "seed 7 [#####...............] step 1/4, 6.0 s left");
  EXPECT_EQ(progress_bar("seed 7", 4, 4, 8), "seed 7 [####################] step 4/4, 8.0 s");
  EXPECT_LT(progress_bar("seed 18446744073709551615", 999, 1000, 360'000).size(), 80u);
}

TEST(Progress, LinesWhereThereIsNoTerminal) {
  CaptureStderr();
  {
    ProgressReport report("seed 7", false);
    report.tell({.stage = Stage::encode});
    report.tell({.stage = Stage::denoise, .step = 1, .steps = 2});
    report.tell({.stage = Stage::denoise, .step = 2, .steps = 2});
    report.tell({.stage = Stage::decode});
  }
  const auto text = GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_THAT(text, HasSubstr("seed 7, step 1/2, 0.0 s left\n"));
}

TEST(Progress, QuietMeansNothing) {
  CaptureStderr();
  ProgressReport("seed 7", true).tell({.stage = Stage::denoise, .step = 1, .steps = 2});
  EXPECT_EQ(GetCapturedStderr(), "");
}

TEST(Progress, EveryStageHasItsTime) {
  ProgressReport report("", true);
  for (const auto stage : {Stage::encode, Stage::denoise, Stage::decode}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10 * (1 + static_cast<int>(stage))));
    report.tell({.stage = stage});
  }
  const auto& seconds = report.seconds();
  EXPECT_GE(seconds.encode, 0.01);
  EXPECT_GE(seconds.denoise, 0.02);
  EXPECT_GE(seconds.decode, 0.03);
  EXPECT_LT(seconds.encode, seconds.decode);
}

} // namespace
} // namespace mflux::cli
