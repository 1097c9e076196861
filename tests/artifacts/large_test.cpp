// Offsets and sizes beyond 2^32, in sparse files that take no room.
#include <fcntl.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/crc.h"
#include "mflux/artifacts/npy_header.h"
#include "mflux/artifacts/zip.h"
#include "mflux/artifacts/zip_writer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;

constexpr int64_t kSize = int64_t{5} << 30;

/// Writes pieces of text at their offsets; the rest is a hole of zeros.
class SparseFile {
 public:
  explicit SparseFile(const std::filesystem::path& path)
      : descriptor_(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) {}

  ~SparseFile() {
    close(descriptor_);
  }

  SparseFile(const SparseFile&) = delete;
  SparseFile& operator=(const SparseFile&) = delete;

  void write(int64_t offset, std::string_view text) {
    ASSERT_EQ(
        pwrite(descriptor_, text.data(), text.size(), offset), static_cast<ssize_t>(text.size()));
  }

 private:
  int descriptor_;
};

void expect_last_byte(const std::filesystem::path& path, char last) {
  const auto artifact = open_artifact(path);
  ASSERT_EQ(artifact->tensors().back().shape, Shape{kSize});
  const Tensor tensor = artifact->load(artifact->tensors().size() - 1);
  EXPECT_EQ(value_at(tensor, 0), 0);
  EXPECT_EQ(value_at(tensor, kSize - 1), last);
  EXPECT_EQ(value_at(tensor.slice({{kSize - 1, kSize}}), 0), last);
}

TEST(Large, Npy) {
  const TemporaryFolder folder;
  const auto header = npy_header(Dtype::uint8, {kSize});
  SparseFile file(folder / "a.npy");
  file.write(0, header);
  file.write(static_cast<int64_t>(header.size()) + kSize - 1, "z");
  expect_last_byte(folder / "a.npy", 'z');
}

TEST(Large, Safetensors) {
  const TemporaryFolder folder;
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[5368709120],"data_offsets":[0,5368709120]},)"
      R"("b":{"dtype":"U8","shape":[5368709120],"data_offsets":[5368709120,10737418240]}})";
  std::string length;
  append(length, uint64_t{header.size()});
  SparseFile file(folder / "a.safetensors");
  file.write(0, length + header);
  file.write(static_cast<int64_t>(8 + header.size()) + 2 * kSize - 1, "z");
  expect_last_byte(folder / "a.safetensors", 'z');
}

/// Zeros deflate to 5 MB: the writer's 64-bit sizes, in the descriptor and the directory.
TEST(Large, WrittenZip64MemberIsRead) {
  const TemporaryFolder folder;
  const auto path = folder / "a.npz";
  const auto header = npy_header(Dtype::uint8, {kSize});
  {
    AtomicFile out(path);
    ZipWriter archive(out);
    const std::vector<std::byte> zeros(size_t{1} << 20);
    archive.add("a.npy", header.size() + kSize, true, [&](const auto& take) {
      take(as_bytes(header));
      for (int64_t at = 0; at < kSize; at += static_cast<int64_t>(zeros.size())) {
        take(zeros);
      }
    });
    archive.finish();
    out.commit();
  }
  const auto storage = map_file(path);
  const auto entries = read_zip(storage->bytes());
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].size, header.size() + kSize);
  EXPECT_LT(entries[0].packed_size, 10u << 20);
  EXPECT_EQ(open_artifact(path)->tensors()[0].shape, Shape{kSize});
}

/// The directory lies beyond 4 GiB and the stored member needs 64-bit sizes.
TEST(Large, StoredZip64MemberIsRead) {
  const TemporaryFolder folder;
  const auto path = folder / "a.npz";
  const auto header = npy_header(Dtype::uint8, {kSize});
  const uint64_t size = header.size() + kSize;
  const std::vector<std::byte> zeros(size_t{1} << 20);
  uint32_t crc = update_crc(0, as_bytes(header));
  for (int64_t at = 0; at < kSize; at += static_cast<int64_t>(zeros.size())) {
    crc = update_crc(crc, zeros);
  }
  const auto fields = [&](std::string& out) {
    append(out, uint16_t{45});
    append(out, uint32_t{0}); // flags, method
    append(out, uint32_t{0x00210000});
    append(out, crc);
    append(out, UINT64_MAX); // both sizes are in the zip64 field
    append(out, uint16_t{5});
    append(out, uint16_t{20});
  };
  const auto zip64 = [&](std::string& out) {
    out += "a.npy";
    append(out, uint16_t{1});
    append(out, uint16_t{16});
    append(out, size);
    append(out, size);
  };
  std::string local, directory;
  append(local, uint32_t{0x04034b50});
  fields(local);
  zip64(local);
  append(directory, uint32_t{0x02014b50});
  append(directory, uint16_t{45});
  fields(directory);
  directory.append(14, '\0'); // comment, disk, attributes, offset
  zip64(directory);
  const uint64_t begin = local.size() + size, end = begin + directory.size();
  std::string tail;
  append(tail, uint32_t{0x06064b50});
  append(tail, uint64_t{44});
  append(tail, uint32_t{45 << 16 | 45});
  append(tail, uint64_t{0});
  for (const uint64_t value : {uint64_t{1}, uint64_t{1}, uint64_t{directory.size()}, begin}) {
    append(tail, value);
  }
  append(tail, uint32_t{0x07064b50});
  append(tail, uint32_t{0});
  append(tail, end);
  append(tail, uint32_t{1});
  append(tail, uint32_t{0x06054b50});
  append(tail, uint32_t{0});
  append(tail, uint32_t{0x00010001});
  append(tail, static_cast<uint32_t>(directory.size()));
  append(tail, uint32_t{0xffffffff});
  append(tail, uint16_t{0});
  SparseFile file(path);
  file.write(0, local + header);
  file.write(static_cast<int64_t>(begin), directory + tail);
  expect_last_byte(path, '\0');
  file.write(static_cast<int64_t>(begin) - 1, "z");
  EXPECT_THAT(error_of([&] { open_artifact(path)->load(0); }), HasSubstr("checksum"));
}

} // namespace
} // namespace mflux::artifacts
