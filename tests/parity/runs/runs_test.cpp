#include "mflux/parity/runs/runs.h"

#include "gmock/gmock.h"
#include "parity/runs/make_runs.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;
using mflux::testing::error_of;
using mflux::testing::write_side;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using std::chrono_literals::operator""s;

class RunsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(artifacts);
  }

  mflux::testing::TemporaryFolder folder;
  fs::path artifacts = folder / "debug_artifacts";
};

TEST_F(RunsTest, ARunIsWhatItsManifestsSay) {
  write_side(artifacts / "x" / "ref");
  write_side(artifacts / "x" / "mlx", "Ctrl-C");
  mflux::testing::lock_run(artifacts / "x");
  const auto run = read_run(artifacts / "x");
  EXPECT_EQ(run.id, "x");
  EXPECT_THAT(run.sides, ElementsAre("ref", "mlx"));
  EXPECT_EQ(run.checkpoints, 2U);
  EXPECT_EQ(run.problem, "");
  EXPECT_EQ(run.partial, "mlx: Ctrl-C");
  EXPECT_EQ(run.prompt, "red apple");
  EXPECT_EQ(run.steps, 4);
  EXPECT_TRUE(run.is_locked);
  EXPECT_THAT(run.fixtures, ElementsAre("tests/fixtures/x"));
}

TEST_F(RunsTest, WhatCannotBeReadIsListedAsSuch) {
  write_side(artifacts / "run10" / "ref");
  write_side(artifacts / "run2" / "ref");
  write_file(artifacts / "run2" / "ref" / "all.npz", "no archive");
  fs::create_directories(artifacts / "nothing");
  write_file(artifacts / "loose.npy", "x");
  fs::create_symlink("run10", artifacts / "link");
  write_file(artifacts / ".gitignore", "*\n");
  const auto runs = list_runs(artifacts);
  std::vector<std::string> ids, problems;
  for (const auto& run : runs) {
    ids.push_back(run.id);
    problems.push_back(run.problem);
  }
  EXPECT_THAT(ids, ElementsAre("link", "loose.npy", "nothing", "run2", "run10"));
  EXPECT_THAT(
      problems,
      ElementsAre("a link", "a file, no run", "holds no ref/ nor mlx/", HasSubstr("all.npz"), ""));
  EXPECT_FALSE(runs[3].checkpoints);
}

TEST_F(RunsTest, ALinkIsAsOldAsItself) {
  write_side(artifacts / "x" / "ref");
  write_file(folder / "old", "x");
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(1000);
  fs::last_write_time(folder / "old", long_ago);
  fs::create_symlink(folder / "old", artifacts / "x" / "ref" / "link");
  fs::last_write_time(artifacts / "x" / "ref", long_ago);
  fs::last_write_time(artifacts / "x", long_ago);
  for (const auto& file : fs::directory_iterator(artifacts / "x" / "ref")) {
    if (!file.is_symlink()) {
      fs::last_write_time(file.path(), long_ago);
    }
  }
  EXPECT_LT(fs::file_time_type::clock::now() - read_run(artifacts / "x").changed, 100s);
}

TEST_F(RunsTest, TheFolderIsFoundUpwards) {
  fs::create_directories(folder / "src/deep");
  EXPECT_EQ(find_artifacts(folder / "src/deep"), artifacts);
  EXPECT_EQ(find_artifacts(folder / "debug_artifacts/x/ref"), artifacts);
  EXPECT_EQ(artifacts_at(folder.path()), artifacts);
  EXPECT_EQ(artifacts_at(artifacts.string() + "/"), artifacts);
  EXPECT_THAT(error_of([&] { artifacts_at(folder / "src"); }), HasSubstr("is no folder"));
  EXPECT_THAT(error_of([] { find_artifacts("/proc"); }), HasSubstr("no debug_artifacts in /proc"));
  fs::create_directories(folder / "linked");
  fs::create_directory_symlink(artifacts, folder / "linked" / "debug_artifacts");
  EXPECT_THAT(error_of([&] { artifacts_at(folder / "linked"); }), HasSubstr("is a link"));
}

TEST(Ages, AreReadAndWritten) {
  EXPECT_EQ(parse_age("30m"), 1800s);
  EXPECT_EQ(parse_age("12h"), 43200s);
  EXPECT_EQ(parse_age("7d"), 604800s);
  EXPECT_EQ(parse_age("2w"), 1209600s);
  EXPECT_EQ(parse_age("0d"), 0s);
  for (const char* text : {"", "7", "d", "7 d", "-1d", "1.5h", "7dd", "7y", "99999999999999d"}) {
    EXPECT_THAT(error_of([&] { parse_age(text); }), HasSubstr("expected an age")) << text;
  }
  EXPECT_EQ(age_text(119s), "119 s");
  EXPECT_EQ(age_text(7199s), "119 min");
  EXPECT_EQ(age_text(172799s), "47 h");
  EXPECT_EQ(age_text(604800s), "7 days");
}

TEST(Sizes, HaveThreeDigits) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(999), "999 B");
  EXPECT_EQ(size_text(1234), "1.2 KB");
  EXPECT_EQ(size_text(999'999), "1.0 MB");
  EXPECT_EQ(size_text(123'456'789), "123 MB");
}

} // namespace
} // namespace mflux::parity
