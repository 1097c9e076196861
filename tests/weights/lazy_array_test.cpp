#include "mflux/weights/lazy_array.h"

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/write.h"
#include "mflux/base/atomic_file.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using artifacts::Dtype;

/// A float32 file whose one tensor "w" counts up; `shift` bytes off alignment.
std::filesystem::path write_counting(
    const testing::TemporaryFolder& folder, size_t count, size_t shift = 0) {
  std::string header = R"({"w":{"dtype":"F32","shape":[)" + std::to_string(count) +
                       R"(],"data_offsets":[0,)" + std::to_string(4 * count) + "]}}";
  header.resize((header.size() + 63) / 64 * 64 + 56 + shift, ' ');
  std::string text(8 + header.size() + 4 * count, '\0');
  const uint64_t size = header.size();
  std::memcpy(text.data(), &size, 8);
  std::memcpy(text.data() + 8, header.data(), header.size());
  for (size_t i = 0; i < count; ++i) {
    const auto value = static_cast<float>(i);
    std::memcpy(text.data() + 8 + header.size() + 4 * i, &value, 4);
  }
  const auto file = folder / "w.safetensors";
  write_file(file, text);
  return file;
}

/// The file's only tensor, and where it lies.
struct Opened {
  explicit Opened(const std::filesystem::path& file)
      : tensor(artifacts::open_artifact(file)->load(0)) {}

  mx::array array(mx::Dtype dtype, Memory memory) const {
    return lazy_array(
        array_shape(tensor.shape), dtype, [copy = tensor] { return copy; }, memory);
  }
  const void* address() const {
    return tensor.data().data();
  }

  artifacts::Tensor tensor;
};

/// Resident bytes of anonymous memory and of mapped files.
struct Resident {
  size_t anonymous = 0, mapped = 0;
};

Resident resident() {
  std::ifstream status("/proc/self/status");
  Resident out;
  for (std::string line; std::getline(status, line);) {
    const auto kilobytes = [&] { return std::stoul(line.substr(line.find(':') + 1)) * 1024; };
    if (line.starts_with("RssAnon")) {
      out.anonymous = kilobytes();
    } else if (line.starts_with("RssFile")) {
      out.mapped = kilobytes();
    }
  }
  return out;
}

TEST(LazyArray, LooksAtTheMappedFile) {
  if (mx::is_available(mx::Device::gpu)) {
    GTEST_SKIP() << "a GPU backend copies";
  }
  const testing::TemporaryFolder folder;
  const Opened file(write_counting(folder, 1000));
  auto array = file.array(mx::float32, Memory::shared);
  array.eval();
  EXPECT_EQ(array.data<float>(), file.address());
  EXPECT_EQ(mx::sum(array).item<float>(), 499500);
}

TEST(LazyArray, KeepsTheFileMapped) {
  const testing::TemporaryFolder folder;
  const auto file = write_counting(folder, 1000);
  auto array = Opened(file).array(mx::float32, Memory::shared);
  std::filesystem::remove(file);
  EXPECT_EQ(mx::sum(array).item<float>(), 499500);
  EXPECT_EQ(mx::sum(array).item<float>(), 499500);
}

TEST(LazyArray, CopiesWhatIsNotAligned) {
  const testing::TemporaryFolder folder;
  for (const size_t shift : {1, 2, 4, 7}) {
    const Opened file(write_counting(folder, 1000, shift));
    auto array = file.array(mx::float32, Memory::shared);
    array.eval();
    EXPECT_NE(array.data<float>(), file.address()) << shift;
    EXPECT_EQ(mx::sum(array).item<float>(), 499500) << shift;
  }
}

TEST(LazyArray, CopiesWhereAsked) {
  const testing::TemporaryFolder folder;
  const Opened file(write_counting(folder, 1000));
  auto array = file.array(mx::float32, Memory::copied);
  array.eval();
  EXPECT_NE(array.data<float>(), file.address());
  EXPECT_EQ(mx::sum(array).item<float>(), 499500);
}

// MLX writes results over inputs that nobody else holds, but not over a file.
TEST(LazyArray, NeverWritesToTheFile) {
  const testing::TemporaryFolder folder;
  const Opened file(write_counting(folder, 1000));
  auto shared = file.array(mx::float32, Memory::shared),
       copied = file.array(mx::float32, Memory::copied);
  mx::eval(shared, copied);
  EXPECT_EQ(shared.is_donatable(), shared.data<float>() != file.address());
  EXPECT_TRUE(copied.is_donatable());
}

/// Every finite and infinite bfloat16 and float16, as float32 by the definition of the types.
TEST(LazyArray, ConvertsEveryValue) {
  for (const auto dtype : {Dtype::bfloat16, Dtype::float16}) {
    const int exponent_bits = dtype == Dtype::bfloat16 ? 8 : 5, mantissa_bits = 15 - exponent_bits;
    std::vector<std::byte> bytes(2 << 16);
    for (uint32_t i = 0; i < 65536; ++i) {
      const auto bits = static_cast<uint16_t>(i);
      std::memcpy(bytes.data() + 2 * i, &bits, 2);
    }
    const auto tensor = artifacts::make_tensor(dtype, {65536}, bytes);
    auto array = lazy_array(
        {65536}, mx::float32, [&] { return tensor; }, Memory::shared);
    array.eval();
    const int top = (1 << exponent_bits) - 1, bias = top / 2;
    for (int i = 0; i < 65536; ++i) {
      const int exponent = (i >> mantissa_bits) & top, fraction = i & ((1 << mantissa_bits) - 1);
      if (exponent == top && fraction != 0) {
        EXPECT_TRUE(std::isnan(array.data<float>()[i])) << i;
        continue;
      }
      const double size =
          exponent == top ? INFINITY
          : exponent == 0
              ? std::ldexp(fraction, 1 - bias - mantissa_bits)
              : std::ldexp(fraction + (1 << mantissa_bits), exponent - bias - mantissa_bits);
      ASSERT_EQ(array.data<float>()[i], static_cast<float>(i >= 32768 ? -size : size)) << i;
    }
  }
}

TEST(LazyArray, RoundsToNearestEven) {
  const std::vector<float> values{1.f, 1.00390625f, 1.01171875f, 1.0039064f, -3.3895314e38f, 0.1f};
  std::vector<std::byte> bytes(values.size() * 4);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  const auto tensor = artifacts::make_tensor(Dtype::float32, {6}, bytes);
  auto array = lazy_array(
      {6}, mx::bfloat16, [&] { return tensor; }, Memory::shared);
  array.eval();
  std::vector<uint16_t> bits(6);
  std::memcpy(bits.data(), array.data<char>(), 12);
  // torch.tensor(values).to(torch.bfloat16).view(torch.uint16)
  EXPECT_THAT(bits, ::testing::ElementsAre(0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xff7f, 0x3dcd));
}

TEST(LazyArray, TakesScalarsAndNothing) {
  const auto one = artifacts::make_tensor(Dtype::float32, {}, std::vector<std::byte>(4));
  EXPECT_EQ(
      lazy_array(
          {}, mx::float32, [&] { return one; }, Memory::shared)
          .item<float>(),
      0);
  const auto none = artifacts::make_tensor(Dtype::float32, {0, 3}, {});
  auto empty = lazy_array(
      {0, 3}, mx::float32, [&] { return none; }, Memory::shared);
  empty.eval();
  EXPECT_EQ(empty.size(), 0u);
}

TEST(LazyArray, NeverEvaluatedIsNeverRead) {
  int reads = 0;
  const auto read = [&] {
    ++reads;
    return artifacts::make_tensor(Dtype::float32, {1}, std::vector<std::byte>(4));
  };
  {
    const auto unused = lazy_array({1}, mx::float32, read, Memory::shared);
    auto used = lazy_array({1}, mx::float32, read, Memory::shared);
    mx::eval(mx::add(used, used));
    mx::eval(mx::add(used, used));
  }
  EXPECT_EQ(reads, 1);
}

// The float32 array, and never the whole source beside it.
TEST(LazyArray, GivesConvertedPagesBack) {
#ifndef __linux__
  GTEST_SKIP() << "reads /proc";
#endif
  constexpr size_t kCount = 16 << 20; // 64 MB of float32
  const testing::TemporaryFolder folder;
  const Opened file(write_counting(folder, kCount));
  const auto before = resident();
  auto array = file.array(mx::bfloat16, Memory::shared);
  array.eval();
  const auto after = resident();
  EXPECT_LT(after.mapped, before.mapped + (size_t{8} << 20));
  EXPECT_LT(after.anonymous, before.anonymous + (size_t{40} << 20));
  for (const int i : {1, 255 << 11, 1 << 20, 255 << 13, 193 << 16}) { // in several windows
    EXPECT_EQ(mx::astype(mx::slice(array, {i}, {i + 1}), mx::float32).item<float>(), i);
  }
}

} // namespace
} // namespace mflux
