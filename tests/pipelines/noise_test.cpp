#include "mflux/pipelines/noise.h"

#include <array>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace mflux::pipelines {
namespace {

std::vector<float> drawn(uint64_t seed, const mx::Shape& shape) {
  auto noise = draw_noise(seed, shape);
  noise.eval();
  return {noise.data<float>(), noise.data<float>() + noise.size()};
}

/// Threefry2x32 with 20 rounds, from Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3.
std::array<uint32_t, 2> threefry(uint64_t seed, uint32_t a, uint32_t b) {
  const auto high = static_cast<uint32_t>(seed >> 32), low = static_cast<uint32_t>(seed);
  const std::array<uint32_t, 3> key{high, low, high ^ low ^ 0x1bd11bdau};
  constexpr std::array<int, 8> kRotations{13, 15, 26, 6, 17, 29, 16, 24};
  a += key[0];
  b += key[1];
  for (uint32_t round = 0; round < 20; ++round) {
    const int by = kRotations[round % 8];
    a += b;
    b = (b << by | b >> (32 - by)) ^ a;
    if (round % 4 == 3) {
      const uint32_t group = round / 4;
      a += key[(group + 1) % 3];
      b += key[(group + 2) % 3] + group + 1;
    }
  }
  return {a, b};
}

/// P(X < x) of the standard normal distribution.
double cumulative(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2;
}

void expect_documented(uint64_t seed, const std::vector<float>& numbers) {
  const size_t n = numbers.size(), m = (n + 1) / 2;
  for (size_t i = 0; i < n; ++i) {
    const auto pair = static_cast<uint32_t>(i % m);
    const bool is_lone = pair + m >= n;
    const auto bits = threefry(seed, pair, is_lone ? 0 : static_cast<uint32_t>(pair + m));
    const double uniform = bits[i / m] / 4294967296.0;
    EXPECT_NEAR(cumulative(numbers[i]), uniform, 1e-6) << "number " << i << " of " << n;
  }
}

TEST(Noise, IsThreefryThroughTheInverseOfTheNormalDistribution) {
  for (const uint64_t seed : {uint64_t{0}, uint64_t{7}, uint64_t{0x123456789abcdef0}}) {
    expect_documented(seed, drawn(seed, {1, 8, 4, 6}));
    expect_documented(seed, drawn(seed, {1, 3, 5, 7}));
  }
}

TEST(Noise, IsTheSeedsAlone) {
  const auto first = drawn(7, {1, 4, 4, 4});
  drawn(8, {2, 2, 2, 2});
  EXPECT_EQ(first, drawn(7, {1, 4, 4, 4}));
  EXPECT_NE(first, drawn(8, {1, 4, 4, 4}));
  EXPECT_NE(first, drawn(7 + (uint64_t{1} << 32), {1, 4, 4, 4}));
}

} // namespace
} // namespace mflux::pipelines
