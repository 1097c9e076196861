#include "mflux/artifacts/npz.h"

#include <algorithm>

#include "artifacts/goldens.h"
#include "gmock/gmock.h"
#include "mflux/artifacts/inflate.h"
#include "mflux/artifacts/npy_header.h"
#include "mflux/artifacts/zip_writer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct File {
  std::string name, content;
};

/// An archive of these files.
void write_zip(const std::filesystem::path& path, const std::vector<File>& files, bool deflated) {
  AtomicFile out(path);
  ZipWriter archive(out);
  for (const auto& file : files) {
    archive.add(file.name, file.content.size(), deflated, [&](const auto& take) {
      take(as_bytes(file.content));
    });
  }
  archive.finish();
  out.commit();
}

class NpzTest : public ::testing::TestWithParam<bool> {
 protected:
  std::string error(const std::vector<File>& files) {
    write_zip(path, files, GetParam());
    return error_of([&] { open_artifact(path); });
  }

  TemporaryFolder folder;
  std::filesystem::path path = folder / "a.npz";
  std::string array = npy_header(Dtype::uint8, {3}) + "abc";
};

TEST_P(NpzTest, NamesLoseTheirSuffix) {
  write_zip(path, {{"a.npy", array}, {"b", array}, {"c/d.npy.npy", array}}, GetParam());
  const auto artifact = open_artifact(path);
  EXPECT_EQ(artifact->tensors()[0].name, "a");
  EXPECT_EQ(artifact->tensors()[1].name, "b");
  EXPECT_EQ(artifact->tensors()[2].name, "c/d.npy");
  EXPECT_EQ(value_at(artifact->load(2), 2), 'c');
}

TEST_P(NpzTest, NamesThatBecomeOneAreRefused) {
  EXPECT_THAT(error({{"a.npy", array}, {"a", array}}), HasSubstr("two arrays are named a"));
}

TEST_P(NpzTest, NamesAreUtf8) {
  EXPECT_THAT(error({{"\xff.npy", array}}), HasSubstr("UTF-8"));
  EXPECT_THAT(error({{std::string("a\0b", 3), array}}), HasSubstr("NUL"));
  EXPECT_THAT(error({{"", array}}), HasSubstr("empty name"));
}

TEST_P(NpzTest, MembersAreNpyFilesOfTheRightSize) {
  EXPECT_THAT(error({{"a.txt", "hello"}}), HasSubstr("a.npz: a.txt: not an npy file"));
  EXPECT_THAT(
      error({{"a.npy", array + "d"}}), AllOf(HasSubstr("take 131 bytes"), HasSubstr("says 132")));
  EXPECT_THAT(error({{"a.npy", array.substr(0, 130)}}), HasSubstr("says 130"));
  EXPECT_THAT(error({{"a.npy", array.substr(0, 100)}}), HasSubstr("header alone claims 128"));
}

TEST_P(NpzTest, LongHeadersAreRead) {
  // A header of version 2 that is longer than the usual first read.
  std::string dict = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}";
  dict += std::string(100000, ' ');
  std::string file = std::string(kNpyMagic) + std::string("\x02\x00", 2);
  append(file, static_cast<uint32_t>(dict.size()));
  write_zip(path, {{"a.npy", file + dict + "abc"}}, GetParam());
  EXPECT_EQ(value_at(open_artifact(path)->load(0), 0), 'a');
}

TEST_P(NpzTest, CorruptDataIsFoundOnLoading) {
  array = npy_header(Dtype::uint8, {1000}) + std::string(1000, 'x');
  write_zip(path, {{"a.npy", array}}, GetParam());
  std::string raw = read_file(path);
  const auto entry = read_zip(as_bytes(raw))[0];
  raw[entry.data_offset + entry.packed_size - 5] ^= 4;
  write_file(path, raw);
  const auto artifact = open_artifact(path);
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_THAT(error_of([&] { artifact->load(0); }), HasSubstr("a.npz: a.npy: "));
  }
}

INSTANTIATE_TEST_SUITE_P(StoredAndDeflated, NpzTest, ::testing::Bool());

TEST(Npz, StoredMembersAreViews) {
  const auto artifact = open_artifact(golden("stored.npz"));
  EXPECT_EQ(artifact->load(0).storage, artifact->load(1).storage);
}

/// The first member of an archive that Python deflated.
class InflateTest : public ::testing::Test {
 protected:
  std::string file = read_file(golden("deflated.npz"));
  ZipEntry entry = read_zip(as_bytes(file))[0];
  Bytes packed = as_bytes(file).subspan(entry.data_offset, entry.packed_size);
};

TEST_F(InflateTest, LargeMembersGoToATemporaryFile) {
  const auto in_memory = inflate(packed, entry), in_file = inflate(packed, entry, 0);
  EXPECT_EQ(in_memory->bytes().size(), entry.size);
  EXPECT_EQ(as_text(in_memory->bytes()), as_text(in_file->bytes()));
  EXPECT_TRUE(as_text(in_file->bytes()).starts_with(kNpyMagic));
}

TEST_F(InflateTest, SizeAndChecksumMustFit) {
  for (const size_t in_memory : {size_t{0}, kMaxInMemory}) {
    const auto error = [&](ZipEntry changed, Bytes bytes) {
      return error_of([&] { inflate(bytes, changed, in_memory); });
    };
    auto changed = entry;
    changed.size -= 1;
    EXPECT_THAT(error(changed, packed), HasSubstr("does not end after the 207 bytes"));
    changed.size += 2;
    EXPECT_THAT(error(changed, packed), HasSubstr("inflates to 208 bytes, the archive says 209"));
    changed = entry;
    changed.crc ^= 1;
    EXPECT_THAT(error(changed, packed), HasSubstr("checksum"));
    EXPECT_THAT(error(entry, packed.first(packed.size() - 1)), HasSubstr("ends too soon"));
    EXPECT_THAT(error(entry, {}), HasSubstr("ends too soon"));
    const std::string bad(50, '\xff');
    EXPECT_THAT(error(entry, as_bytes(bad)), HasSubstr("corrupt"));
    const std::string longer = std::string(as_text(packed)) + "x";
    EXPECT_THAT(error(entry, as_bytes(longer)), HasSubstr("does not end after"));
  }
}

} // namespace
} // namespace mflux::artifacts
