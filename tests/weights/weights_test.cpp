#include "mflux/weights/weights.h"

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using artifacts::Dtype;
using testing::error_of;
using ::testing::HasSubstr;

template <typename T>
artifacts::Tensor tensor_of(Dtype dtype, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return artifacts::make_tensor(dtype, {static_cast<int64_t>(values.size())}, std::move(bytes));
}

std::vector<float> as_floats(const mx::array& array) {
  auto plain = mx::contiguous(mx::astype(array, mx::float32));
  plain.eval();
  return {plain.data<float>(), plain.data<float>() + plain.size()};
}

TEST(ToArray, KeepsTypesAndValues) {
  const std::vector<uint16_t> bf16{0x3f80, 0xc020, 0x7f7f}, f16{0x3c00, 0xc100, 0x7bff};
  EXPECT_EQ(to_array(tensor_of(Dtype::bfloat16, bf16)).dtype(), mx::bfloat16);
  EXPECT_THAT(
      as_floats(to_array(tensor_of(Dtype::bfloat16, bf16))),
      ::testing::ElementsAre(1.f, -2.5f, 0x1.fep127f));
  EXPECT_EQ(to_array(tensor_of(Dtype::float16, f16)).dtype(), mx::float16);
  EXPECT_THAT(
      as_floats(to_array(tensor_of(Dtype::float16, f16))),
      ::testing::ElementsAre(1.f, -2.5f, 65504.f));
  EXPECT_THAT(
      as_floats(to_array(tensor_of(Dtype::float64, std::vector{0.1, -3.0}))),
      ::testing::ElementsAre(0.1f, -3.f));
  const auto whole = to_array(tensor_of(Dtype::int64, std::vector<int64_t>{-5, int64_t{1} << 40}));
  EXPECT_EQ(whole.dtype(), mx::int64);
  EXPECT_EQ(mx::min(whole).item<int64_t>(), -5);
}

TEST(ToArray, RefusesFloat8) {
  EXPECT_THAT(
      error_of([] {
        to_array(tensor_of(Dtype::float8_e4m3, std::vector<uint8_t>{1, 2}));
      }),
      HasSubstr("float8_e4m3 tensors cannot be computed with"));
}

TEST(ReadWeights, CastsFloatsOnly) {
  const testing::TemporaryFolder folder;
  artifacts::write_safetensors(
      folder / "model.safetensors",
      {{"w", tensor_of(Dtype::bfloat16, std::vector<uint16_t>{0x3f80})},
       {"n", tensor_of(Dtype::int64, std::vector<int64_t>{3})}});
  const auto weights = read_weights(weights_file(folder.path()), mx::float32);
  EXPECT_EQ(weights.at("w").dtype(), mx::float32);
  EXPECT_EQ(weights.at("n").dtype(), mx::int64);
}

TEST(ReadWeights, NamesFileAndTensor) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "model.safetensors";
  artifacts::write_safetensors(
      file, {{"blocks.0.w", tensor_of(Dtype::float8_e5m2, std::vector<uint8_t>{1})}});
  const auto error = error_of([&] { read_weights(file, mx::float32); });
  EXPECT_THAT(error, HasSubstr(file.string() + ": blocks.0.w: float8_e5m2 tensors cannot"));
}

/// A file of one float32 tensor of 8 TB, all holes.
std::filesystem::path write_huge(const std::filesystem::path& folder) {
  const auto file = folder / "huge.safetensors";
  std::string header =
      R"({"w":{"dtype":"F32","shape":[2000000,1000000],"data_offsets":[0,8000000000000]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  write_file(file, text + header);
  std::filesystem::resize_file(file, 8 + header.size() + 8'000'000'000'000);
  return file;
}

TEST(CheckMemory, RefusesMoreThanThereIs) {
  const testing::TemporaryFolder folder;
  std::filesystem::path file;
  try {
    file = write_huge(folder.path());
  } catch (const std::filesystem::filesystem_error&) {
    GTEST_SKIP() << "no file of 8 TB here";
  }
  const auto weights = read_weights(file, mx::float32);
  EXPECT_EQ(weights.at("w").shape(), (mx::Shape{2000000, 1000000}));
  EXPECT_THAT(
      error_of([&] {
        check_memory({{"w", weights.at("w").shape()}}, mx::float32);
      }),
      HasSubstr("8000.0 GB are to be read"));
  EXPECT_THAT(
      error_of([&] { to_array(artifacts::open_artifact(file)->load(0)); }),
      HasSubstr("8000.0 GB are to be read"));
}

TEST(ReadWeights, RefusesDamagedFiles) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "model.safetensors";
  write_file(file, "not at all");
  EXPECT_THAT(error_of([&] { read_weights(file, mx::float32); }), HasSubstr("model.safetensors"));
}

TEST(WeightsFile, IsTheOneThatIsThere) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { weights_file(folder.path()); }), HasSubstr("holds no weights"));
  const auto index = folder / "diffusion_pytorch_model.safetensors.index.json";
  write_file(index, "{}");
  EXPECT_EQ(weights_file(folder.path()), index);
  write_file(folder / "model.safetensors", "");
  EXPECT_THAT(error_of([&] { weights_file(folder.path()); }), HasSubstr("holds both"));
}

} // namespace
} // namespace mflux
