#include "mflux/artifacts/write.h"

#include <algorithm>

#include "artifacts/goldens.h"
#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;

std::vector<NamedTensor> tensors_of(const Artifact& artifact) {
  std::vector<NamedTensor> out;
  for (size_t i = 0; i < artifact.tensors().size(); ++i) {
    out.push_back({artifact.tensors()[i].name, artifact.load(i)});
  }
  return out;
}

void expect_same(const Artifact& seen, const Artifact& expected) {
  ASSERT_EQ(seen.tensors().size(), expected.tensors().size());
  for (size_t i = 0; i < seen.tensors().size(); ++i) {
    EXPECT_EQ(seen.tensors()[i].name, expected.tensors()[i].name);
    EXPECT_EQ(seen.tensors()[i].dtype, expected.tensors()[i].dtype);
    EXPECT_EQ(seen.tensors()[i].shape, expected.tensors()[i].shape);
    EXPECT_EQ(bytes_of(seen.load(i)), bytes_of(expected.load(i)));
  }
}

/// What NumPy wrote in C order and version 1 is written the same, byte for byte; but for
/// float8_e5m2, whose '<f1' np.load itself does not read.
TEST(WriteNpy, WritesWhatNumpyWrites) {
  const TemporaryFolder folder;
  int count = 0;
  for (const auto& file : golden_files()) {
    if ((file.starts_with("plain_") && file != "plain_float8_e5m2.npy") || file == "scalar.npy" ||
        file == "empty.npy") {
      write_npy(folder / "a.npy", open_artifact(golden(file))->load(0));
      EXPECT_EQ(read_file(folder / "a.npy"), read_file(golden(file))) << file;
      ++count;
    }
  }
  EXPECT_EQ(count, 17);
}

TEST(WriteNpy, Float8GoesByName) {
  const TemporaryFolder folder;
  for (const auto dtype : {Dtype::float8_e4m3, Dtype::float8_e5m2}) {
    write_npy(folder / "a.npy", make_tensor(dtype, {1}, {std::byte{0x39}}));
    EXPECT_EQ(open_artifact(folder / "a.npy")->tensors()[0].dtype, dtype);
    EXPECT_THAT(read_file(folder / "a.npy"), HasSubstr("'float8_e"));
  }
}

TEST(WriteNpy, ForeignLayoutsAreWrittenPlainly) {
  const TemporaryFolder folder;
  for (const std::string file :
       {"fortran.npy", "fortran_big_endian.npy", "big_endian_complex64.npy"}) {
    const auto from = open_artifact(golden(file));
    write_npy(folder / file, from->load(0));
    const auto seen = open_artifact(folder / file);
    EXPECT_TRUE(seen->load(0).is_contiguous());
    expect_same(*seen, *from);
  }
}

TEST(WriteNpy, LargeViewsAreWrittenInPieces) {
  const TemporaryFolder folder;
  std::vector<std::byte> bytes(1200 * 1001 * 4);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(i * 2654435761u >> 13);
  }
  Tensor tensor = make_tensor(Dtype::float32, {1200, 1001}, std::move(bytes));
  std::reverse(tensor.shape.begin(), tensor.shape.end());
  std::reverse(tensor.strides.begin(), tensor.strides.end());
  write_npy(folder / "a.npy", tensor);
  EXPECT_EQ(bytes_of(open_artifact(folder / "a.npy")->load(0)), bytes_of(tensor));
}

TEST(WriteNpz, ReadsBack) {
  const TemporaryFolder folder;
  const auto from = open_artifact(golden("stored.npz"));
  for (const auto compression : {Compression::stored, Compression::deflated}) {
    write_npz(folder / "a.npz", tensors_of(*from), compression);
    expect_same(*open_artifact(folder / "a.npz"), *from);
  }
  write_npz(folder / "none.npz", {});
  EXPECT_EQ(read_file(folder / "none.npz"), read_file(golden("nothing.npz")));
}

/// The reference's own files are written again byte for byte.
TEST(WriteSafetensors, WritesWhatTheReferenceWrites) {
  const TemporaryFolder folder;
  for (const std::string file : {"numpy.safetensors", "torch.safetensors", "nothing.safetensors"}) {
    const auto from = open_artifact(golden(file));
    auto tensors = tensors_of(*from);
    std::reverse(tensors.begin(), tensors.end());
    write_safetensors(folder / file, tensors, from->metadata());
    EXPECT_EQ(read_file(folder / file), read_file(golden(file))) << file;
  }
}

TEST(WriteArtifacts, RefusesBadNamesAndWritesNothing) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  const auto one = make_tensor(Dtype::uint8, {}, {std::byte{1}});
  const auto complex = make_tensor(Dtype::complex128, {0}, {});
  EXPECT_THAT(error_of([&] { write_npz(path, {{"x", one}, {"x", one}}); }), HasSubstr("named x"));
  EXPECT_THAT(
      error_of([&] {
        write_safetensors(path, {{"x", one}, {"x", one}});
      }),
      HasSubstr("named x"));
  EXPECT_THAT(error_of([&] { write_npz(path, {{"", one}}); }), HasSubstr("empty name"));
  EXPECT_THAT(error_of([&] { write_safetensors(path, {{"\xff", one}}); }), HasSubstr("UTF-8"));
  EXPECT_THAT(
      error_of([&] {
        write_safetensors(path, {{"__metadata__", one}});
      }),
      HasSubstr("__metadata__"));
  EXPECT_THAT(
      error_of([&] {
        write_safetensors(path, {{"x", complex}});
      }),
      HasSubstr("cannot hold complex128"));
  EXPECT_THAT(
      error_of([&] {
        write_npz(path, {{std::string(70000, 'x'), one}});
      }),
      HasSubstr("long"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(WriteArtifacts, FailedWritesLeaveNothing) {
  const auto one = make_tensor(Dtype::uint8, {}, {std::byte{1}});
  EXPECT_THAT(error_of([&] { write_npy("/nonexistent/a.npy", one); }), HasSubstr("cannot write"));
  Tensor broken = one;
  broken.offset = 5;
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { write_npy(folder / "a.npy", broken); }), HasSubstr("outside"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

} // namespace
} // namespace mflux::artifacts
