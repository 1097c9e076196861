#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parity/diagnose/linear.h"
#include "support/diagnosed.h"

namespace mflux::parity {
namespace {

using artifacts::NamedTensor;
using testing::diagnosed;
using ::testing::ElementsAre;
using testing::floats;
using testing::linear;
using testing::normal;
using testing::with_noise;

using Values = std::vector<float>;

Values transposed(const Values& w, size_t rows, size_t columns) {
  Values out;
  for (size_t c = 0; c < columns; ++c) {
    for (size_t r = 0; r < rows; ++r) {
      out.push_back(w[r * columns + c]);
    }
  }
  return out;
}

/// 3 x 3 taps, one pixel of zeros around: [1, C, n, n] to [1, O, n, n].
Values convolved(const Values& x, const Values& w, int channels, int out, int n) {
  Values y;
  for (int o = 0; o < out; ++o) {
    for (int i = 0; i < n * n; ++i) {
      double sum = 0;
      for (int tap = 0; tap < 9 * channels; ++tap) {
        const int c = tap / 9, row = i / n + tap % 9 / 3 - 1, column = i % n + tap % 3 - 1;
        if (row >= 0 && row < n && column >= 0 && column < n) {
          sum += static_cast<double>(x[static_cast<size_t>((c * n + row) * n + column)]) *
                 w[static_cast<size_t>(o * channels * 9 + tap)];
        }
      }
      y.push_back(static_cast<float>(sum));
    }
  }
  return y;
}

class LinearTest : public ::testing::TestWithParam<unsigned> {
 protected:
  std::vector<std::string> causes(const Values& port, const std::vector<NamedTensor>& more) const {
    std::vector<NamedTensor> ref = {
        {"m.proj.in", floats({20, 12}, x_)},
        {"m.proj", floats({20, 12}, linear(x_, w_, b_))},
        {"weights/proj.weight", floats({12, 12}, w_)},
        {"weights/proj.bias", floats({12}, b_)}};
    std::vector<NamedTensor> mlx = {
        {"m.proj.in", floats({20, 12}, x_)}, {"m.proj", floats({20, 12}, port)}};
    mlx.insert(mlx.end(), more.begin(), more.end());
    return diagnosed(ref, mlx).causes();
  }

  Values x_ = normal(240, GetParam()), w_ = normal(144, GetParam() + 5),
         b_ = normal(12, GetParam() + 9);
};

TEST_P(LinearTest, TransposedFromItsInput) {
  const Values port = linear(x_, transposed(w_, 12, 12), b_);
  EXPECT_THAT(causes(with_noise(port, 1), {}), ElementsAre("weights.transposed at m.proj"));
}

TEST_P(LinearTest, NotLoaded) {
  const Values other = normal(144, GetParam() + 50);
  EXPECT_THAT(
      causes(
          with_noise(linear(x_, other, b_), 1), {{"weights/proj.weight", floats({12, 12}, other)}}),
      ElementsAre("weights.missing at m.proj"));
  EXPECT_THAT(causes(linear(x_, Values(144), b_), {}), ElementsAre("weights.missing at m.proj"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, LinearTest, ::testing::Values(1u, 2u, 3u));

TEST(WeightsOfBothSides, NeedNoInput) {
  const Values x = normal(240, 1), w = normal(144, 2), b(12);
  const Values wrong = transposed(w, 12, 12);
  const auto found = diagnosed(
      {{"m.proj", floats({20, 12}, linear(x, w, b))},
       {"weights/m.proj.weight", floats({12, 12}, w)}},
      {{"m.proj", floats({20, 12}, linear(x, wrong, b))},
       {"weights/m.proj.weight", floats({12, 12}, wrong)}});
  EXPECT_THAT(found.causes(), ElementsAre("weights.transposed at m.proj"));
}

TEST(ConvWeights, HeightAndWidthExchanged) {
  const Values x = normal(3 * 64, 1), w = normal(5 * 27, 2);
  Values wrong;
  for (size_t kernel = 0; kernel < 15; ++kernel) {
    const Values taps(
        w.begin() + static_cast<int>(9 * kernel), w.begin() + static_cast<int>(9 * kernel + 9));
    const Values turned = transposed(taps, 3, 3);
    wrong.insert(wrong.end(), turned.begin(), turned.end());
  }
  const auto found = diagnosed(
      {{"m.conv.in", floats({1, 3, 8, 8}, x)},
       {"m.conv", floats({1, 5, 8, 8}, convolved(x, w, 3, 5, 8))},
       {"weights/conv.weight", floats({5, 3, 3, 3}, w)}},
      {{"m.conv.in", floats({1, 3, 8, 8}, x)},
       {"m.conv", floats({1, 5, 8, 8}, with_noise(convolved(x, wrong, 3, 5, 8), 3))}});
  EXPECT_THAT(found.causes(), ElementsAre("weights.transposed at m.conv"));
}

} // namespace
} // namespace mflux::parity
