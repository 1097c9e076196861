#include "mflux/base/atomic_file.h"

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
