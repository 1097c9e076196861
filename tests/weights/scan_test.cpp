#include "mflux/weights/scan.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "mflux/artifacts/write.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using artifacts::Dtype;

template <typename T>
artifacts::Tensor tensor_of(Dtype dtype, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  const auto count = bytes.size() / artifacts::size_of(dtype);
  return artifacts::make_tensor(dtype, {static_cast<int64_t>(count)}, std::move(bytes));
}

void expect(const artifacts::Tensor& tensor, int64_t zeros, int64_t nonfinite) {
  const auto found = scan(tensor);
  EXPECT_EQ(found.zeros, zeros) << artifacts::name_of(tensor.dtype);
  EXPECT_EQ(found.nonfinite, nonfinite) << artifacts::name_of(tensor.dtype);
}

TEST(Scan, KnowsZerosAndNonFiniteNumbersOfEveryType) {
  expect(tensor_of<float>(Dtype::float32, {0, -0.f, 1, NAN, -INFINITY, 3e38f}), 2, 2);
  expect(tensor_of<double>(Dtype::float64, {0, -0., 5e-324, NAN, INFINITY, 1e308}), 2, 2);
  expect(tensor_of<float>(Dtype::complex64, {0, 1, INFINITY, -0.f}), 2, 1);
  expect(tensor_of<uint16_t>(Dtype::float16, {0, 0x8000, 1, 0x7c00, 0xfe01, 0x7bff}), 2, 2);
  expect(tensor_of<uint16_t>(Dtype::bfloat16, {0, 0x8000, 1, 0x7f80, 0xffc1, 0x7f7f}), 2, 2);
  expect(tensor_of<uint8_t>(Dtype::float8_e5m2, {0, 0x80, 1, 0x7c, 0xfd, 0x7b}), 2, 2);
  expect(tensor_of<uint8_t>(Dtype::float8_e4m3, {0, 0x80, 1, 0x7f, 0xff, 0x7e}), 2, 2);
  expect(tensor_of<int32_t>(Dtype::int32, {0, INT32_MIN, 0x7f800000, -1}), 1, 0);
  expect(tensor_of<uint8_t>(Dtype::boolean, {0, 1, 0}), 2, 0);
}

TEST(Scan, GoesThroughSeveralWindows) {
  std::vector<float> values(3 << 20, 1.f);
  values[0] = values.back() = NAN;
  expect(tensor_of(Dtype::float32, values), 0, 2);
}

TEST(FindNonFinite, NamesTheTensor) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "w.safetensors";
  const auto good = tensor_of<float>(Dtype::float32, {1, 2});
  artifacts::write_safetensors(file, {{"a", good}, {"c", good}});
  EXPECT_FALSE(find_nonfinite(file));
  artifacts::write_safetensors(
      file,
      {{"a", good}, {"b", tensor_of<float>(Dtype::float32, {1, NAN, INFINITY})}, {"c", good}});
  const auto found = find_nonfinite(file);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "b");
  EXPECT_EQ(found->count, 2);
  EXPECT_EQ(found->of, 3);
}

} // namespace
} // namespace mflux
