// Damaged files: every reader loads them or throws Error, whatever stands in them.
#include <fmt/format.h>

#include <exception>
#include <optional>

#include "artifacts/goldens.h"
#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "support/temporary_folder.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::TemporaryFolder;

/// What a reader makes of a file: names, dtypes, shapes and bytes.
struct Content {
  std::vector<std::string> heads;
  std::vector<std::vector<std::byte>> bytes;

  bool operator==(const Content&) const = default;
};

/// The chain of Errors holds nothing foreign, such as bad_alloc or out_of_range.
bool is_ours(const std::exception& error) {
  if (!dynamic_cast<const Error*>(&error)) {
    return false;
  }
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    return is_ours(cause);
  }
  return true;
}

/// The content, or nothing if the reader threw an Error.
std::optional<Content> read(const std::filesystem::path& path, const std::string& file) {
  try {
    const auto raw = std::as_bytes(std::span(file));
    const auto artifact = open_artifact(path, make_storage({raw.begin(), raw.end()}));
    Content out;
    for (size_t i = 0; i < artifact->tensors().size(); ++i) {
      const auto& info = artifact->tensors()[i];
      out.heads.push_back(info.name + std::string(name_of(info.dtype)) + to_string(info.shape));
      out.bytes.push_back(bytes_of(artifact->load(i)));
    }
    return out;
  } catch (const std::exception& error) {
    EXPECT_TRUE(is_ours(error)) << one_line(error);
    const auto text = one_line(error);
    EXPECT_LT(text.size(), 1000u) << text;
    return std::nullopt;
  }
}

class Damaged : public ::testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path path = golden(GetParam());
  std::string file = read_file(path);
  std::optional<Content> whole = read(path, file);

  /// Every byte of small files; of larger ones a share that keeps the sweep short.
  size_t step(size_t small) const {
    return file.size() < 500 ? 1 : file.size() < 1500 ? small : 12 * small + 1;
  }

  bool has_checksums() const {
    return GetParam().ends_with(".npz") || GetParam().ends_with(".pt") ||
           GetParam().ends_with(".pth");
  }
};

TEST_P(Damaged, CutOffAnywhereIsAnError) {
  ASSERT_TRUE(whole);
  // Without its last line break an index of shards is whole.
  const size_t end = GetParam().ends_with(".json") ? file.find_last_of('}') : file.size();
  for (size_t size = 0; size < end; ++size) {
    EXPECT_FALSE(read(path, file.substr(0, size))) << "cut to " << size;
  }
}

TEST_P(Damaged, AnythingAppendedIsAnError) {
  EXPECT_FALSE(read(path, file + '\0'));
  EXPECT_FALSE(read(path, file + file));
}

TEST_P(Damaged, FlippedBitsLoadOrThrow) {
  for (size_t place = 0; place < 8 * file.size(); place += step(1)) {
    const size_t at = place / 8, bit = place % 8;
    file[at] = static_cast<char>(file[at] ^ 1 << bit);
    const auto seen = read(path, file);
    // Archives carry checksums: what still loads must be unchanged.
    EXPECT_TRUE(!has_checksums() || !seen || seen == whole) << "byte " << at << " bit " << bit;
    file[at] = static_cast<char>(file[at] ^ 1 << bit);
  }
}

TEST_P(Damaged, ExtremeBytesLoadOrThrow) {
  for (size_t at = 0; at < file.size(); at += step(3)) {
    for (const size_t width : {1, 2, 4, 8}) {
      for (const char c : {'\0', '\x7f', '\xff', '9', '"', '{', '['}) {
        std::string changed = file;
        changed.replace(
            at, std::min(width, file.size() - at), std::min(width, file.size() - at), c);
        read(path, changed);
      }
    }
  }
}

TEST_P(Damaged, MissingAndDoubledSpansLoadOrThrow) {
  for (size_t at = 0; at < file.size(); at += 3) {
    for (const size_t width : {1, 7, 64}) {
      read(path, file.substr(0, at) + file.substr(std::min(file.size(), at + width)));
      read(path, file.substr(0, at) + file.substr(at, width) + file.substr(at));
    }
  }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& parameter) {
  std::string name = parameter.param;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Files,
    Damaged,
    ::testing::Values(
        "plain_float32.npy",
        "fortran_big_endian.npy",
        "scalar.npy",
        "version_2.npy",
        "stored.npz",
        "deflated.npz",
        "descriptors_stored.npz",
        "descriptors_deflated.npz",
        "zip64.npz",
        "numpy.safetensors",
        "torch.safetensors",
        "torch_deflated.pt",
        "torch_nested.pth",
        "torch_no_checksums.ckpt",
        "torch_protocol_4.pt",
        "torch_views.pt",
        "sharded/model.safetensors.index.json"),
    test_name);

} // namespace
} // namespace mflux::artifacts
