#include "mflux/base/artifacts_folder.h"

#include "gtest/gtest.h"
#include "mflux/base/atomic_file.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

namespace fs = std::filesystem;

TEST(ArtifactsFolder, IsTheInnermostOfThatName) {
  EXPECT_EQ(artifacts_folder_of("/p/debug_artifacts/x/ref"), "/p/debug_artifacts");
  EXPECT_EQ(
      artifacts_folder_of("/debug_artifacts/a/debug_artifacts"),
      "/debug_artifacts/a/debug_artifacts");
  EXPECT_EQ(artifacts_folder_of("/p/debug_artifacts/../x"), std::nullopt);
  EXPECT_EQ(artifacts_folder_of("/p/my_debug_artifacts/x"), std::nullopt);
  EXPECT_EQ(artifacts_folder_of("debug_artifacts/x"), fs::current_path() / "debug_artifacts");
}

TEST(IgnoreArtifacts, WritesOneGitignoreAndReplacesNone) {
  const testing::TemporaryFolder folder;
  const fs::path runs = folder / "debug_artifacts";
  ignore_artifacts(runs / "x" / "ref"); // nothing was written there
  EXPECT_FALSE(fs::exists(runs));
  fs::create_directories(runs / "x" / "ref");
  ignore_artifacts(runs / "x" / "ref");
  EXPECT_EQ(read_file(runs / ".gitignore"), "*\n");
  write_file(runs / ".gitignore", "*\n!kept\n");
  ignore_artifacts(runs / "x" / "ref");
  EXPECT_EQ(read_file(runs / ".gitignore"), "*\n!kept\n");
  ignore_artifacts(folder / "other");
  EXPECT_FALSE(fs::exists(folder / ".gitignore"));
  fs::remove(runs / ".gitignore");
  fs::create_symlink("nowhere", runs / ".gitignore");
  ignore_artifacts(runs / "x");
  EXPECT_TRUE(fs::is_symlink(runs / ".gitignore"));
}

} // namespace
} // namespace mflux
