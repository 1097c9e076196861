#include "mflux/parity/runs/clean.h"

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

class CleanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* id : {"a", "b", "kept"}) {
      write_side(artifacts / id / "ref");
    }
    mflux::testing::lock_run(artifacts / "kept");
    write_side(folder / "precious" / "ref");
  }

  CleanPlan plan(
      const std::vector<std::string>& runs, std::optional<std::chrono::seconds> age = {}) const {
    return plan_clean({artifacts, runs, age});
  }

  void remove(const std::vector<std::string>& runs) const {
    for (const auto& run : plan(runs).remove) {
      remove_run(artifacts, run);
    }
  }

  std::vector<std::string> left() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(artifacts)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  mflux::testing::TemporaryFolder folder;
  fs::path artifacts = folder / "debug_artifacts";
};

std::vector<std::string> ids(const std::vector<Run>& runs) {
  std::vector<std::string> out;
  for (const auto& run : runs) {
    out.push_back(run.id);
  }
  return out;
}

TEST_F(CleanTest, EverythingGoesButWhatIsLockedOrHidden) {
  write_file(artifacts / ".gitignore", "*\n");
  write_file(artifacts / "loose.npy", "x");
  fs::create_directories(artifacts / ".clean-rest" / "half"); // of a clean that was killed
  fs::create_directories(artifacts / ".capture-abc");         // of a capture that is running
  const auto all = plan({});
  EXPECT_THAT(ids(all.remove), ElementsAre("a", "b", "loose.npy", ".clean-rest"));
  EXPECT_THAT(ids(all.locked), ElementsAre("kept"));
  EXPECT_EQ(
      all.bytes,
      all.remove[0].bytes + all.remove[1].bytes + all.remove[2].bytes + all.remove[3].bytes);
  EXPECT_EQ(left().size(), 7U) << "a plan touches nothing";
  remove({});
  EXPECT_THAT(left(), ElementsAre(".capture-abc", ".gitignore", "kept"));
}

TEST_F(CleanTest, ABrokenLockIsALock) {
  write_file(artifacts / "a" / "locked.json", "{");
  fs::create_symlink("gone", artifacts / "b" / "locked.json");
  EXPECT_THAT(ids(plan({}).locked), ElementsAre("a", "b", "kept"));
}

TEST_F(CleanTest, NamedRunsByIdOrPath) {
  EXPECT_THAT(
      ids(plan({"b", "a/", (artifacts / "a").string(), (artifacts / "b" / ".." / "a").string()})
              .remove),
      ElementsAre("b", "a"));
  remove({"b"});
  EXPECT_THAT(left(), ElementsAre("a", "kept"));
  EXPECT_THAT(ids(plan({"kept"}).locked), ElementsAre("kept"));
}

TEST_F(CleanTest, NothingOutsideIsRemoved) {
  fs::create_directory_symlink(folder / "precious", artifacts / "link");
  for (const std::string& path :
       {(folder / "precious").string(),
        (artifacts / ".." / "precious").string(),
        (artifacts / "link" / "ref").string(),
        (artifacts / "a" / "ref").string(),
        artifacts.string(),
        artifacts.string() + "/.",
        artifacts.string() + "/..",
        std::string("/"),
        std::string("/etc/hostname")}) {
    EXPECT_THAT(error_of([&] { plan({path}); }), HasSubstr("nothing outside of it")) << path;
  }
  for (const char* id : {"..", ".", "", ".gitignore", "none", "debug_artifacts/none"}) {
    EXPECT_THAT(error_of([&] { plan({id}); }), HasSubstr("no run")) << id;
  }
  EXPECT_THAT(error_of([&] { plan({"kepf"}); }), HasSubstr("did you mean kept?"));
}

TEST_F(CleanTest, ALinkIsRemovedAndNotFollowed) {
  fs::create_directory_symlink(folder / "precious", artifacts / "link");
  fs::create_directory_symlink(folder / "precious", artifacts / "a" / "inner");
  remove({"link", "a"});
  EXPECT_THAT(left(), ElementsAre("b", "kept"));
  EXPECT_TRUE(fs::exists(folder / "precious" / "ref" / "all.npz"));
}

TEST_F(CleanTest, AgeIsThatOfTheNewestFile) {
  write_side(artifacts / "old" / "ref");
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(30);
  for (const char* id : {"a", "b", "old"}) {
    for (const auto& entry : fs::recursive_directory_iterator(artifacts / id)) {
      fs::last_write_time(entry, old);
    }
    fs::last_write_time(artifacts / id, old);
  }
  // In whatever order a folder lists them, the newest is not always the last.
  fs::last_write_time(artifacts / "a" / "ref" / "manifest.json", old + std::chrono::hours(20));
  fs::last_write_time(artifacts / "b" / "ref" / "all.npz", old + std::chrono::hours(20));
  const auto day = plan({}, std::chrono::hours(24));
  EXPECT_THAT(ids(day.remove), ElementsAre("old"));
  EXPECT_THAT(ids(day.younger), ElementsAre("a", "b"));
  EXPECT_EQ(plan({}, std::chrono::hours(9)).remove.size(), 3U);
}

TEST_F(CleanTest, WhatCannotBeRemovedIsSaid) {
  if (geteuid() == 0) {
    GTEST_SKIP() << "root may remove everything";
  }
  fs::permissions(artifacts, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(error_of([&] { remove({"a"}); }), HasSubstr("cannot write into"));
  fs::permissions(artifacts, fs::perms::owner_all);
  EXPECT_TRUE(fs::exists(artifacts / "a" / "ref" / "all.npz"));
}

} // namespace
} // namespace mflux::parity
