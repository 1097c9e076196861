#include "mflux/artifacts/tensor.h"

#include <cstring>
#include <numeric>

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace mflux::artifacts {
namespace {

using mflux::testing::error_of;
using mflux::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// 0, 1, 2, … as int32.
Tensor counting(Shape shape) {
  std::vector<int32_t> values(static_cast<size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), 0);
  const auto bytes = std::as_bytes(std::span(values));
  return make_tensor(Dtype::int32, std::move(shape), {bytes.begin(), bytes.end()});
}

std::vector<int32_t> values(const Tensor& tensor) {
  const Tensor plain = tensor.contiguous();
  std::vector<int32_t> out(static_cast<size_t>(plain.count()));
  if (!out.empty()) {
    std::memcpy(out.data(), plain.data().data(), plain.byte_count());
  }
  return out;
}

/// The view with its axes in another order.
Tensor transposed(Tensor tensor) {
  std::reverse(tensor.shape.begin(), tensor.shape.end());
  std::reverse(tensor.strides.begin(), tensor.strides.end());
  return tensor;
}

TEST(ElementCount, Multiplies) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3, 4}), 24);
  EXPECT_EQ(element_count({2, 0, 4}), 0);
}

TEST(ElementCount, RefusesWhatDoesNotFit) {
  const int64_t half = int64_t{1} << 32;
  EXPECT_THAT(error_of([&] { element_count({half, half}); }), HasSubstr("4294967296, 4294967296"));
  EXPECT_THAT(error_of([&] { element_count({half, half, 0}); }), HasSubstr("more than 2^63"));
  EXPECT_THAT(error_of([] { element_count({2, -1}); }), HasSubstr("negative"));
  EXPECT_EQ(element_count({half, half / 4}), int64_t{1} << 62);
  EXPECT_THAT(
      error_of([&] {
        byte_count(Dtype::int32, {half, half / 4});
      }),
      HasSubstr("over 2^63 bytes"));
}

TEST(TensorTest, PlainDataIsNotCopied) {
  const Tensor tensor = counting({2, 3});
  EXPECT_TRUE(tensor.is_contiguous());
  EXPECT_EQ(tensor.contiguous().data().data(), tensor.storage->bytes().data());
  EXPECT_THAT(tensor.strides, ElementsAre(12, 4));
}

TEST(TensorTest, TransposedIsCopiedInOrder) {
  const Tensor view = transposed(counting({2, 3}));
  EXPECT_FALSE(view.is_contiguous());
  EXPECT_THAT(values(view), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(error_of([&] { view.data(); }), HasSubstr("not contiguous"));
}

TEST(TensorTest, AxesOfOneElementHaveNoStride) {
  Tensor tensor = counting({2, 1, 3});
  tensor.strides[1] = 77;
  EXPECT_TRUE(tensor.is_contiguous());
  EXPECT_THAT(values(transposed(tensor)), ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST(TensorTest, ForeignByteOrderIsSwapped) {
  Tensor tensor =
      make_tensor(Dtype::uint16, {2}, {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}});
  tensor.swapped = true;
  EXPECT_FALSE(tensor.is_contiguous());
  EXPECT_EQ(value_at(tensor, 0), 0x0102);
  EXPECT_EQ(value_at(tensor, 1), 0x0304);
}

TEST(TensorTest, SliceIsAView) {
  const Tensor tensor = counting({3, 4});
  const Tensor window = tensor.slice({{1, 3}, {1, 3}});
  EXPECT_EQ(window.storage, tensor.storage);
  EXPECT_THAT(window.shape, ElementsAre(2, 2));
  EXPECT_THAT(values(window), ElementsAre(5, 6, 9, 10));
  EXPECT_THAT(values(window.slice({{1, 2}, {0, 2}})), ElementsAre(9, 10));
  EXPECT_EQ(tensor.slice({{3, 3}, {0, 4}}).count(), 0);
  EXPECT_THAT(values(tensor.slice({{0, 3}, {4, 4}})), ElementsAre());
}

TEST(TensorTest, SliceOutsideIsAnError) {
  const Tensor tensor = counting({3, 4});
  EXPECT_THAT(error_of([&] { tensor.slice({{0, 4}, {0, 4}}); }), HasSubstr("0:4 of axis 0"));
  EXPECT_THAT(error_of([&] { tensor.slice({{0, 3}, {-1, 4}}); }), HasSubstr("-1:4 of axis 1"));
  EXPECT_THAT(error_of([&] { tensor.slice({{0, 3}, {3, 2}}); }), HasSubstr("3:2 of axis 1"));
  EXPECT_THAT(error_of([&] { tensor.slice({{0, 3}}); }), HasSubstr("1 ranges"));
}

TEST(TensorTest, ViewOutsideItsStorageIsAnError) {
  Tensor tensor = counting({2, 3});
  tensor.shape = {3, 3};
  EXPECT_THAT(error_of([&] { tensor.data(); }), HasSubstr("outside its storage of 24 bytes"));
  EXPECT_THAT(error_of([&] { value_at(tensor, 0); }), HasSubstr("outside its storage"));
  tensor = counting({2, 3});
  tensor.offset = 4;
  EXPECT_THAT(error_of([&] { tensor.data(); }), HasSubstr("at byte 4"));
  tensor = counting({2, 3});
  tensor.strides = {-12, 4};
  EXPECT_THAT(error_of([&] { tensor.contiguous(); }), HasSubstr("outside its storage"));
  tensor.offset = 12;
  EXPECT_THAT(values(tensor), ElementsAre(3, 4, 5, 0, 1, 2));
  EXPECT_THAT(error_of([] { make_tensor(Dtype::int32, {2}, {}); }), HasSubstr("8 bytes, 0 were"));
}

TEST(TensorTest, IndexOutsideIsAnError) {
  EXPECT_THAT(error_of([] { value_at(counting({2}), 2); }), HasSubstr("2:3 do not fit"));
  EXPECT_THAT(error_of([] { value_at(counting({2}), -1); }), HasSubstr("-1:0 do not fit"));
}

/// Every window of every axis order, against indexing element by element.
TEST(CopyElements, AnyWindowOfAnyView) {
  const Tensor view = transposed(counting({3, 4, 5})).slice({{1, 4}, {0, 4}, {0, 3}});
  std::vector<int32_t> all;
  for (int i = 1; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < 3; ++k) {
        all.push_back(k * 20 + j * 5 + i);
      }
    }
  }
  for (size_t begin = 0; begin <= all.size(); ++begin) {
    for (size_t end = begin; end <= all.size(); ++end) {
      std::vector<int32_t> out(end - begin);
      copy_elements(
          view,
          static_cast<int64_t>(begin),
          static_cast<int64_t>(end),
          reinterpret_cast<std::byte*>(out.data()));
      ASSERT_EQ(out, std::vector<int32_t>(all.begin() + begin, all.begin() + end));
    }
  }
}

TEST(MapFile, DroppedPagesCanBeReadAgain) {
  const TemporaryFolder folder;
  const std::string text(100000, 'x');
  write_file(folder / "a", text);
  const auto storage = map_file(folder / "a");
  storage->done_with(0, text.size());
  storage->done_with(5, 6);
  storage->done_with(99999, SIZE_MAX);
  storage->done_with(SIZE_MAX, SIZE_MAX);
  EXPECT_EQ(storage->bytes().size(), text.size());
  EXPECT_EQ(std::memcmp(storage->bytes().data(), text.data(), text.size()), 0);
}

TEST(MapFile, EmptyFilesHaveNoBytes) {
  const TemporaryFolder folder;
  write_file(folder / "a", "");
  EXPECT_TRUE(map_file(folder / "a")->bytes().empty());
}

} // namespace
} // namespace mflux::artifacts
