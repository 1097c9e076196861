#include "mflux/parity/report/detail.h"

#include <limits>
#include <numeric>

#include "gmock/gmock.h"
#include "support/dumps.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::Shape;
using artifacts::Tensor;
using mflux::testing::floats;
using mflux::testing::normal;
using mflux::testing::tensor_of;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Detail detail(const Tensor& ref, const Tensor& port, const DetailOptions& options = {}) {
  return detail_of({ref, port}, measure(ref, port, {}, 1), options);
}

std::vector<int64_t> places(const Detail& detail) {
  std::vector<int64_t> places;
  for (const auto& element : detail.worst) {
    places.push_back(element.index);
  }
  return places;
}

TEST(DetailTest, TheWorstElementsStandInOrderOfTheirError) {
  std::vector<float> port(40, 1);
  for (const int i : {3, 39, 17, 5}) {
    port[static_cast<size_t>(i)] += i == 39 ? 8 : 2; // equal errors: the first place first
  }
  const auto result = detail(floats({40}, std::vector<float>(40, 1)), floats({40}, port));
  EXPECT_THAT(places(result), ElementsAre(39, 3, 5, 17));
  EXPECT_EQ(result.worst[0].ref, 1);
  EXPECT_EQ(result.worst[0].port, 9);
}

TEST(DetailTest, TenOfThemAcrossTiles) {
  const size_t count = 10'000;
  std::vector<float> port(count, 0);
  for (size_t i = 0; i < count; ++i) {
    port[i] = static_cast<float>(i % 1000);
  }
  const auto result =
      detail(floats({10'000}, std::vector<float>(count, 0)), floats({10'000}, port));
  EXPECT_THAT(
      places(result), ElementsAre(999, 1999, 2999, 3999, 4999, 5999, 6999, 7999, 8999, 9999));
}

TEST(DetailTest, ErrorsAreCountedByPowersOfTwo) {
  const std::vector<float> errors{0, 0, 0.5f, 0.99f, 1, 1.5f, 8, kInfinity};
  const auto result = detail(floats({8}, std::vector<float>(8, 0)), floats({8}, errors)).histogram;
  EXPECT_EQ(result.first, -1);
  EXPECT_THAT(result.counts, ElementsAre(2, 2, 0, 0, 1));
  EXPECT_EQ(result.equal, 2);
  EXPECT_EQ(result.nonfinite, 1);
}

TEST(DetailTest, NotANumberOnBothSidesIsNoDifference) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto result =
      detail(floats({4}, {nan, kInfinity, 1, nan}), floats({4}, {nan, kInfinity, 2, 3}));
  EXPECT_THAT(places(result), ElementsAre(3, 2));
  EXPECT_EQ(result.histogram.equal, 2);
}

TEST(DetailTest, TheLowestNumberOfAMaskIsItsInfinity) {
  const float lowest = std::numeric_limits<float>::lowest();
  const auto result =
      detail(floats({4}, {0, -kInfinity, 0, 0}), floats({4}, {0, lowest, 0, -1e5f}));
  EXPECT_THAT(places(result), ElementsAre(3));
}

TEST(DetailTest, EqualTensorsHaveNoMap) {
  const auto values = normal(64, 1);
  const auto result = detail(floats({8, 8}, values), floats({8, 8}, values));
  EXPECT_THAT(result.heat, IsEmpty());
  EXPECT_THAT(result.worst, IsEmpty());
  EXPECT_EQ(result.histogram.equal, 64);
}

TEST(DetailTest, AMapFoldsTheOtherAxesAndTheLongOnes) {
  // [2, 3, 100]: rows are axis 1, columns axis 2 in 48 parts of two or three.
  std::vector<float> port(600, 0);
  port[1 * 300 + 2 * 100 + 99] = 6; // [1, 2, 99]
  port[0 * 300 + 2 * 100 + 98] = 2; // [0, 2, 98]
  const auto result =
      detail(floats({2, 3, 100}, std::vector<float>(600, 0)), floats({2, 3, 100}, port));
  ASSERT_THAT(result.heat, SizeIs(1));
  const HeatMap& map = result.heat[0];
  EXPECT_EQ(map.row_axis, 1);
  EXPECT_EQ(map.column_axis, 2);
  EXPECT_EQ(map.rows, 3);
  EXPECT_EQ(map.columns, 48);
  EXPECT_EQ(map.max.back(), 6);
  EXPECT_DOUBLE_EQ(map.mean.back(), 8.0 / 4); // 98 and 99 of both
  EXPECT_EQ(std::accumulate(map.max.begin(), map.max.end(), 0.0), 6);
}

TEST(DetailTest, AllPairsOfAxesOfWhatFails) {
  const Shape shape{2, 1, 3, 4};
  const auto result =
      detail(floats(shape, std::vector<float>(24, 0)), floats(shape, normal(24, 2)), {48, true});
  ASSERT_THAT(result.heat, SizeIs(3));
  EXPECT_EQ(result.heat[0].row_axis, 2); // the longest two first
  EXPECT_EQ(result.heat[1].column_axis, 2);
  EXPECT_EQ(result.heat[2].row_axis, 0);
}

TEST(DetailTest, ScalarsAndVectorsHaveAMapToo) {
  const auto scalar = detail(floats({}, {1}), floats({}, {3}));
  EXPECT_THAT(scalar.heat.at(0).max, ElementsAre(2));
  const auto vector = detail(floats({3}, {0, 0, 0}), floats({3}, {1, 0, 4}));
  EXPECT_EQ(vector.heat.at(0).rows, 1);
  EXPECT_THAT(vector.heat.at(0).max, ElementsAre(1, 0, 4));
}

TEST(DetailTest, ComplexNumbersAreTwoReals) {
  const auto ref = tensor_of<float>(Dtype::complex64, {2}, {1, 2, 3, 4});
  const auto port = tensor_of<float>(Dtype::complex64, {2}, {1, 2, 3, 9});
  const auto result = detail(ref, port);
  EXPECT_THAT(result.shape, ElementsAre(2, 2));
  EXPECT_THAT(places(result), ElementsAre(3));
  EXPECT_THAT(result.heat.at(0).max, ElementsAre(0, 0, 0, 5));
}

TEST(HeatMapTest, PiecesOfAnySizeGiveTheSame) {
  const Shape shape{3, 1, 7, 50};
  std::vector<double> errors(1050);
  std::iota(errors.begin(), errors.end(), 0);
  HeatMapBuilder whole(shape, 2, 3, 16), pieces(shape, 2, 3, 16);
  whole.add(0, errors);
  for (size_t begin = 0; begin < errors.size(); begin += 13) {
    const size_t size = std::min<size_t>(13, errors.size() - begin);
    pieces.add(static_cast<int64_t>(begin), std::span(errors).subspan(begin, size));
  }
  EXPECT_EQ(whole.finish().max, pieces.finish().max);
  EXPECT_EQ(whole.finish().mean, pieces.finish().mean);
}

TEST(HeatMapTest, TheLongestAxesAreChosenTheEarlierFirst) {
  EXPECT_EQ(longest_axes({1, 10, 24}), std::pair(1, 2));
  EXPECT_EQ(longest_axes({64, 8, 1, 32}), std::pair(0, 3));
  EXPECT_EQ(longest_axes({1, 9, 1}), std::pair(-1, 1));
  EXPECT_EQ(longest_axes({1, 1}), std::pair(-1, -1));
}

} // namespace
} // namespace mflux::parity
