#include "mflux/artifacts/zip.h"

#include <algorithm>

#include "artifacts/goldens.h"
#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// An archive that NumPy wrote, with single fields overwritten.
class ZipTest : public ::testing::Test {
 protected:
  std::string file = read_file(golden("stored.npz"));

  template <typename T>
  void set(size_t offset, T value) {
    std::string raw;
    append(raw, value);
    file.replace(offset, raw.size(), raw);
  }

  std::string error() {
    return error_of([&] { read_zip(as_bytes(file)); });
  }

  size_t end_record() const {
    return file.size() - 22;
  }

  /// The directory's first record.
  size_t record() const {
    return load<uint32_t>(as_bytes(file), end_record() + 16);
  }
};

TEST_F(ZipTest, ListsMembersInOrder) {
  const auto entries = read_zip(as_bytes(file));
  ASSERT_EQ(entries.size(), 6u);
  EXPECT_EQ(entries[0].name, "zeta.npy");
  EXPECT_EQ(entries[1].name, "alpha/beta.npy");
  EXPECT_EQ(entries[0].size, 128u + 80u);
  EXPECT_TRUE(as_text(as_bytes(file)).substr(entries[0].data_offset).starts_with("\x93NUMPY"));
}

TEST_F(ZipTest, FoldersAreLeftOut) {
  file = read_file(golden("bare_names.npz"));
  const auto entries = read_zip(as_bytes(file));
  EXPECT_TRUE(std::none_of(
      entries.begin(), entries.end(), [](const ZipEntry& e) { return e.name == "folder/"; }));
  EXPECT_EQ(entries.size(), 6u);
}

TEST_F(ZipTest, EncryptionAndMethodsAreRefused) {
  set<uint16_t>(record() + 8, 1);
  EXPECT_THAT(error(), HasSubstr("zeta.npy: is encrypted"));
  set<uint16_t>(record() + 8, 0);
  set<uint16_t>(6, 1);
  EXPECT_THAT(error(), HasSubstr("contradicts"));
  set<uint16_t>(6, 0);
  set<uint16_t>(record() + 10, 12);
  EXPECT_THAT(error(), HasSubstr("compression method 12, expected 0 (stored) or 8 (deflated)"));
}

TEST_F(ZipTest, SizesAreChecked) {
  set<uint32_t>(record() + 20, 100);
  EXPECT_THAT(error(), HasSubstr("100 bytes packed and 208 unpacked"));
  set<uint32_t>(record() + 20, 0x7fffffff);
  set<uint32_t>(record() + 24, 0x7fffffff);
  EXPECT_THAT(error(), HasSubstr("claims 2147483647 bytes from byte"));
  set<uint32_t>(record() + 24, 0xffffffff);
  EXPECT_THAT(error(), HasSubstr("packed and 4294967295 unpacked"));
}

TEST_F(ZipTest, ABombIsRefusedUnopened) {
  set<uint16_t>(record() + 10, 8);
  set<uint32_t>(record() + 20, 100);
  set<uint32_t>(record() + 24, 0x7fffffff);
  EXPECT_THAT(error(), HasSubstr("2147483647 bytes from 100 packed ones"));
}

TEST_F(ZipTest, LocalHeaderMustAgree) {
  set<uint32_t>(14, 0x12345678); // checksum
  EXPECT_THAT(error(), HasSubstr("zeta.npy: its local header contradicts"));
  file = read_file(golden("stored.npz"));
  file[30] = 'Z'; // name
  EXPECT_THAT(error(), HasSubstr("contradicts"));
  set<uint32_t>(0, 0);
  EXPECT_THAT(error(), HasSubstr("no local header at byte 0"));
}

TEST_F(ZipTest, MembersMustNotOverlap) {
  // The second member becomes a second view of the first one's bytes, under its own name.
  const auto entries = read_zip(as_bytes(file));
  const size_t second = record() + 46 + std::string("zeta.npy").size();
  ASSERT_EQ(load<uint32_t>(as_bytes(file), second), 0x02014b50u);
  std::string both = file.substr(0, record());
  const std::string name = "zeta.npz";
  std::string twin = file.substr(record(), 46) + name;
  // Hidden inside the first member's data: a local header of the twin.
  std::string local = file.substr(0, entries[0].data_offset);
  local.replace(30, name.size(), name);
  both.replace(entries[0].data_offset, local.size(), local);
  std::string raw;
  append(raw, static_cast<uint32_t>(entries[0].data_offset));
  twin.replace(42, 4, raw);
  const std::string directory = file.substr(record(), second - record()) + twin;
  std::string end = file.substr(end_record());
  std::string counts;
  append(counts, uint32_t{0x00020002});
  append(counts, static_cast<uint32_t>(directory.size()));
  end.replace(8, 8, counts);
  file = both + directory + end;
  EXPECT_THAT(error(), HasSubstr("overlap"));
}

TEST_F(ZipTest, DuplicateNamesAreRefused) {
  const std::string other = "zeta.npy", same = "long.npy";
  for (size_t at = file.find(other); at != file.npos; at = file.find(other, at)) {
    file.replace(at, other.size(), same);
  }
  EXPECT_THAT(error(), HasSubstr("two members are named long.npy"));
}

TEST_F(ZipTest, DirectoryIsChecked) {
  set<uint16_t>(end_record() + 10, 5);
  set<uint16_t>(end_record() + 8, 5);
  EXPECT_THAT(error(), HasSubstr("holds more than 5 members"));
  set<uint16_t>(end_record() + 10, 60000);
  set<uint16_t>(end_record() + 8, 60000);
  EXPECT_THAT(error(), HasSubstr("claims 60000 members"));
  set<uint16_t>(end_record() + 8, 6);
  EXPECT_THAT(error(), HasSubstr("split"));
  set<uint32_t>(end_record() + 16, 0xfffffff0);
  EXPECT_THAT(error(), AllOf(HasSubstr("split")));
  set<uint16_t>(end_record() + 10, 6);
  EXPECT_THAT(error(), HasSubstr("directory claims bytes 4294967280"));
}

TEST_F(ZipTest, Zip64EndRecordIsChecked) {
  file = read_file(golden("zip64.npz"));
  const size_t end64 = end_record() - 20 - 56;
  ASSERT_EQ(load<uint32_t>(as_bytes(file), end64), 0x06064b50u);
  EXPECT_EQ(read_zip(as_bytes(file)).size(), 6u);
  set<uint64_t>(end64 + 48, 1);
  EXPECT_THAT(error(), HasSubstr("does not fit its directory"));
  set<uint64_t>(end64 + 24, UINT64_MAX);
  EXPECT_THAT(error(), HasSubstr("split"));
  set<uint64_t>(end_record() - 20 + 8, UINT64_MAX - 3);
  EXPECT_THAT(error(), HasSubstr("should be at byte 18446744073709551612"));
}

TEST_F(ZipTest, DataDescriptorMustAgree) {
  file = read_file(golden("descriptors_stored.npz"));
  const auto entries = read_zip(as_bytes(file));
  const size_t descriptor = entries[0].data_offset + entries[0].size;
  ASSERT_EQ(load<uint32_t>(as_bytes(file), descriptor), 0x08074b50u);
  set<uint32_t>(descriptor + 8, 7);
  EXPECT_THAT(error(), HasSubstr("data descriptor contradicts"));
}

} // namespace
} // namespace mflux::artifacts
