#include "mflux/base/atomic_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;

size_t files_in(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

TEST(AtomicFile, AppearsOnCommitOnly) {
  const TemporaryFolder folder;
  AtomicFile file(folder / "a.txt");
  file.write("hello");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.txt"));
  file.commit();
  EXPECT_EQ(read_file(folder / "a.txt"), "hello");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicFile, WithoutCommitTheOldFileStays) {
  const TemporaryFolder folder;
  write_file(folder / "a.txt", "old");
  {
    AtomicFile file(folder / "a.txt");
    file.write("half of the n");
  }
  EXPECT_EQ(read_file(folder / "a.txt"), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicFile, CommitNewNeverReplaces) {
  const TemporaryFolder folder;
  write_file(folder / "a.txt", "old");
  {
    AtomicFile file(folder / "a.txt");
    file.write("new");
    EXPECT_FALSE(file.commit_new());
  }
  EXPECT_EQ(read_file(folder / "a.txt"), "old");
  AtomicFile file(folder / "b.txt");
  file.write("new");
  EXPECT_TRUE(file.commit_new());
  EXPECT_EQ(read_file(folder / "b.txt"), "new");
  EXPECT_EQ(files_in(folder.path()), 2u);
}

TEST(AtomicFile, UnwritablePlaceIsAnError) {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  EXPECT_THAT(
      error_of([&] { write_file(folder / "file" / "a.txt", "x"); }), HasSubstr("cannot write"));
}

TEST(AtomicFile, RefusesAFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { write_file(folder.path(), "x"); }), HasSubstr("directory"));
}

TEST(AtomicFile, ReplacesWhatALinkNames) {
  const TemporaryFolder folder;
  write_file(folder / "target.txt", "old");
  std::filesystem::create_symlink("target.txt", folder / "link.txt");
  write_file(folder / "link.txt", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.txt"));
  EXPECT_EQ(read_file(folder / "target.txt"), "new");
}

TEST(AtomicFile, LeavesPipesAndDevicesAlone) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { write_file(folder / "pipe", "x"); }), HasSubstr("expected a file"));
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
}

TEST(AtomicFile, AnEndingProcessRemovesWhatIsHalfWritten) {
  const TemporaryFolder folder;
  const auto half_way = [&] {
    AtomicFile file(folder / "a.txt");
    file.write("half");
    AtomicFile done(folder / "b.txt");
    done.write("whole");
    done.commit();
    remove_temporary_paths();
    _exit(0);
  };
  EXPECT_EXIT(half_way(), ::testing::ExitedWithCode(0), "");
  EXPECT_EQ(files_in(folder.path()), 1u);
  EXPECT_EQ(read_file(folder / "b.txt"), "whole");
}

TEST(ReadFile, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { read_file(folder / "none"); }), HasSubstr("does not exist"));
  EXPECT_THAT(error_of([&] { read_file(folder.path()); }), HasSubstr("not a regular file"));
  write_file(folder / "big", "12345");
  EXPECT_THAT(
      error_of([&] { read_file(folder / "big", 4); }), HasSubstr("5 bytes, expected at most 4"));
}

} // namespace
} // namespace mflux
