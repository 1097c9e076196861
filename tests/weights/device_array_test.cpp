// What goes to a GPU's memory by MLX's reader; on the CPU the same way ends in ordinary memory.
#include "mflux/weights/device_array.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/write.h"
#include "mflux/capture/tensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;

/// A file's only tensor: `count` numbers, 0, 1, …, modulo 1000.
artifacts::Tensor counting(const testing::TemporaryFolder& folder, int count, mx::Dtype dtype) {
  const auto numbers = mx::remainder(mx::arange(0, count, 1, mx::int32), mx::array(1000));
  const auto file = folder / "w.safetensors";
  artifacts::write_safetensors(file, {{"w", capture::to_tensor(mx::astype(numbers, dtype))}});
  return artifacts::open_artifact(file)->load(0);
}

TEST(DeviceArray, HoldsTheFilesNumbers) {
  const testing::TemporaryFolder folder;
  for (const auto file_dtype : {mx::float32, mx::bfloat16, mx::float16}) {
    for (const auto dtype : {mx::float32, mx::bfloat16, mx::float16}) {
      for (const int rows : {0, 1, 7, 1'500'003}) { // the last takes several threads
        const auto tensor = counting(folder, 3 * rows, file_dtype);
        const auto got = device_array({rows, 3}, dtype, [tensor] { return tensor; });
        ASSERT_EQ(got.shape(), (mx::Shape{rows, 3}));
        ASSERT_EQ(got.dtype(), dtype);
        const auto numbers = mx::remainder(mx::arange(0, 3 * rows, 1, mx::int32), mx::array(1000));
        const auto want =
            mx::astype(mx::astype(mx::reshape(numbers, {rows, 3}), file_dtype), dtype);
        EXPECT_TRUE(mx::array_equal(got, want).item<bool>()) << rows;
      }
    }
  }
}

TEST(DeviceArray, HoldsEveryTypeAsTheFileHasIt) {
  const testing::TemporaryFolder folder;
  for (const auto dtype :
       {mx::bool_,
        mx::uint8,
        mx::int8,
        mx::uint16,
        mx::int16,
        mx::uint32,
        mx::int32,
        mx::uint64,
        mx::int64,
        mx::complex64}) {
    const auto tensor = counting(folder, 7, dtype);
    const auto got = device_array({7}, dtype, [tensor] { return tensor; });
    ASSERT_EQ(got.dtype(), dtype);
    EXPECT_TRUE(mx::array_equal(got, mx::astype(mx::arange(0, 7), dtype)).item<bool>());
  }
  const auto scalar = counting(folder, 1, mx::int64); // as BatchNorm's num_batches_tracked
  EXPECT_EQ(device_array({}, mx::int64, [scalar] { return scalar; }).item<int64_t>(), 0);
}

TEST(DeviceArray, IsReadWhenItIsEvaluated) {
  const testing::TemporaryFolder folder;
  const auto tensor = counting(folder, 6, mx::float32);
  int reads = 0;
  const auto read = [&] {
    ++reads;
    return tensor;
  };
  { const auto never = device_array({2, 3}, mx::float32, read); }
  auto array = device_array({6}, mx::float32, read);
  EXPECT_EQ(reads, 0);
  array.eval();
  array.eval();
  EXPECT_EQ(reads, 1);
}

TEST(DeviceArray, RefusesWhatDoesNotFit) {
  const testing::TemporaryFolder folder;
  const auto tensor = counting(folder, 6, mx::float32);
  EXPECT_THAT(
      error_of([&] { device_array({6}, mx::float64, [tensor] { return tensor; }); }),
      HasSubstr("float64"));
  auto longer = device_array({7}, mx::float32, [tensor] { return tensor; });
  try { // MLX gives the message on, as another exception
    longer.eval();
    mx::synchronize();
    FAIL() << "it was read";
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "28 bytes of a weight are asked for, 24 are there");
  }
}

} // namespace
} // namespace mflux
