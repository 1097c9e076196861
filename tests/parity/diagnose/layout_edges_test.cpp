#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/diagnosed.h"

namespace mflux::parity {
namespace {

using testing::diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using testing::normal;
using testing::with_noise;

using Values = std::vector<float>;

/// The pixel of a stack of n x n images; outside zero, or the nearest one.
float pixel(const Values& x, int n, int plane, int row, int column, bool nearest) {
  if (nearest) {
    row = std::clamp(row, 0, n - 1);
    column = std::clamp(column, 0, n - 1);
  }
  const bool is_inside = row >= 0 && row < n && column >= 0 && column < n;
  return is_inside ? x[static_cast<size_t>((plane * n + row) * n + column)] : 0;
}

/// 3 x 3 taps: [1, channels, n, n] to [1, out, n, n].
Values convolved(const Values& x, const Values& w, int channels, int out, int n, bool nearest) {
  Values y;
  for (int i = 0; i < out * n * n; ++i) {
    const int o = i / (n * n), row = i / n % n, column = i % n;
    double sum = 0;
    for (int tap = 0; tap < 9 * channels; ++tap) {
      sum += static_cast<double>(
                 pixel(x, n, tap / 9, row + tap % 9 / 3 - 1, column + tap % 3 - 1, nearest)) *
             w[static_cast<size_t>(o * channels * 9 + tap)];
    }
    y.push_back(static_cast<float>(sum));
  }
  return y;
}

TEST(EdgePadding, ReplicatedForZeros) {
  for (unsigned seed = 0; seed < 3; ++seed) {
    const int n = 14;
    const Values x = normal(3 * 196, seed), w = normal(4 * 27, seed + 1);
    const artifacts::Tensor in = floats({1, 3, n, n}, x);
    const artifacts::Tensor ref = floats({1, 4, n, n}, convolved(x, w, 3, 4, n, false));
    const artifacts::Tensor port =
        floats({1, 4, n, n}, with_noise(convolved(x, w, 3, 4, n, true), seed));
    const auto solved = diagnosed(
        {{"m.conv.in", in}, {"m.conv", ref}, {"weights/conv.weight", floats({4, 3, 3, 3}, w)}},
        {{"m.conv.in", in}, {"m.conv", port}});
    ASSERT_THAT(solved.causes(), ElementsAre("edge.padding at m.conv"));
    EXPECT_EQ(
        solved.diagnosis.causes.front().detail,
        "replicated beyond the border, (1, 1, 1, 1) left, right, top, bottom");
    EXPECT_THAT(
        diagnosed({{"m.conv", ref}}, {{"m.conv", port}}).causes(),
        ElementsAre("edge.padding at m.conv"));
  }
}

TEST(EdgePadding, OnTheOtherSides) {
  const int n = 9;
  const Values inside = normal(4 * 64, 3);
  Values after, before; // a row and a column of zeros below and right, or above and left
  for (int i = 0; i < 4 * n * n; ++i) {
    const int plane = i / (n * n), row = i / n % n, column = i % n;
    after.push_back(pixel(inside, n - 1, plane, row, column, false));
    before.push_back(pixel(inside, n - 1, plane, row - 1, column - 1, false));
  }
  const auto found = diagnosed(
      {{"conv.in", floats({1, 4, n, n}, after)}}, {{"conv.in", floats({1, 4, n, n}, before)}});
  EXPECT_THAT(found.causes(), ElementsAre("edge.padding at conv.in"));
}

TEST(EdgePadding, BilinearForNearest) {
  const int n = 6;
  const Values x = normal(3 * n * n, 4);
  Values nearest, bilinear;
  for (int i = 0; i < 3 * 4 * n * n; ++i) {
    const int plane = i / (4 * n * n), row = i / (2 * n) % (2 * n), column = i % (2 * n);
    nearest.push_back(pixel(x, n, plane, row / 2, column / 2, true));
    // Half a pixel off to both sides: 3/4 of the own pixel, 1/4 of the next.
    const int other_row = row / 2 + (row % 2 ? 1 : -1), other = column / 2 + (column % 2 ? 1 : -1);
    bilinear.push_back(
        0.5625f * pixel(x, n, plane, row / 2, column / 2, true) +
        0.1875f * pixel(x, n, plane, other_row, column / 2, true) +
        0.1875f * pixel(x, n, plane, row / 2, other, true) +
        0.0625f * pixel(x, n, plane, other_row, other, true));
  }
  const auto found = diagnosed(
      {{"up.conv.in", floats({1, 3, 12, 12}, nearest)}},
      {{"up.conv.in", floats({1, 3, 12, 12}, bilinear)}});
  ASSERT_THAT(found.causes(), ElementsAre("edge.padding at up.conv.in"));
  EXPECT_EQ(found.diagnosis.causes.front().detail, "scaled up bilinearly, align_corners=False");
}

TEST(EdgePadding, IsNoErrorInTheMiddle) {
  const int n = 14;
  const Values x = normal(4 * 196, 3);
  Values port = x;
  for (size_t i = 0; i < port.size(); ++i) {
    const size_t row = i / 14 % 14, column = i % 14;
    const bool is_border = row == 0 || row == 13 || column == 0 || column == 13;
    port[i] += is_border || i % 50 == 7 ? 0.5f : 0.0f; // and a few inside
  }
  const auto found =
      diagnosed({{"m", floats({1, 4, n, n}, x)}}, {{"m", floats({1, 4, n, n}, port)}});
  for (const auto& cause : found.causes()) {
    EXPECT_EQ(cause.find("edge.padding"), std::string::npos) << cause;
  }
}

} // namespace
} // namespace mflux::parity
