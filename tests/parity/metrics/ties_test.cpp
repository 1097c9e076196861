// Many tiles that hold the same largest quotient, as after rounding to bfloat16.
#include <algorithm>
#include <bit>
#include <cmath>

#include "gtest/gtest.h"
#include "mflux/parity/metrics/metrics.h"
#include "support/dumps.h"

namespace mflux::parity {
namespace {

using mflux::testing::normal;

constexpr size_t kTiles = 24, kTileSize = 4096, kCount = kTiles * kTileSize + 37;

float rounded(float value) {
  return std::bit_cast<float>((std::bit_cast<uint32_t>(value) + 0x8000u) & 0xffff0000u);
}

class Ties : public ::testing::Test {
 protected:
  Ties() : ref(normal(kCount, 1)) {
    port.resize(kCount);
    for (size_t i = 0; i < kCount; ++i) {
      ref[i] = rounded(ref[i]);
      port[i] = i % 3 == 0 ? rounded(ref[i] * 1.004f) : ref[i];
    }
  }

  /// max_rel and passing_tolerance, by their definitions.
  void expect_exact() const {
    double square = 0, relative = 0, passing = 0;
    for (const float value : ref) {
      square += static_cast<double>(value) * value;
    }
    const double floor = 1e-3 * std::sqrt(square / static_cast<double>(kCount));
    for (size_t i = 0; i < kCount; ++i) {
      const double size = std::abs(static_cast<double>(ref[i]));
      const double error = std::abs(static_cast<double>(port[i]) - ref[i]);
      relative = std::max(relative, error / std::max(size, floor));
      passing = std::max(passing, error / (1 + size));
    }
    const auto count = static_cast<int64_t>(kCount);
    const auto a = mflux::testing::floats({count}, ref), b = mflux::testing::floats({count}, port);
    for (const int threads : {1, 2}) {
      const Metrics m = measure(a, b, {}, threads);
      EXPECT_NEAR(m.max_rel, relative, 1e-12 * relative);
      EXPECT_NEAR(m.passing_tolerance, passing, 1e-12 * passing);
    }
  }

  std::vector<float> ref, port;
};

TEST_F(Ties, TheirMaximaAreExact) {
  expect_exact();
}

TEST_F(Ties, AHairAboveTheTieIsFoundInALateTile) {
  ref[22 * kTileSize + 5] = 1;
  port[22 * kTileSize + 5] = 1.0078126f; // 2^-7 and a little
  expect_exact();
  ref[kCount - 1] = 1;
  port[kCount - 1] = 1.0078128f;
  expect_exact();
}

TEST_F(Ties, TheSmallestHairThatFloatsKnow) {
  for (size_t i = 0; i < kCount; ++i) {
    port[i] = 2 * ref[i];
  }
  ref[22 * kTileSize] = 1;
  port[22 * kTileSize] = std::nextafter(2.0f, 3.0f);
  expect_exact();
}

TEST_F(Ties, WhereTheFloorMattersTheTrueOneCounts) {
  for (const size_t tile : {3, 20}) {
    ref[tile * kTileSize + 9] = 1e-5f;
    port[tile * kTileSize + 9] = 1e-5f + 1.2e-5f; // more than the tie only over a smaller floor
  }
  expect_exact();
  ref[21 * kTileSize] = 2e-4f;
  port[21 * kTileSize] = 2.1e-4f;
  expect_exact();
}

TEST_F(Ties, APortThatIsTooLargeEverywhere) {
  for (size_t i = 0; i < kCount; ++i) {
    port[i] = 1.05f * ref[i];
  }
  expect_exact();
}

TEST_F(Ties, AFloorThatTheSampledTilesDoNotKnow) {
  for (size_t i = 0; i < kCount; ++i) {
    const size_t tile = i / kTileSize;
    if (tile == 2 || tile == 5) { // not among the 16 tiles that are looked at beforehand
      ref[i] *= 1000;
      port[i] = ref[i];
    }
  }
  ref[7] = 0.01f; // below the true floor
  port[7] = 0.011f;
  expect_exact();
}

} // namespace
} // namespace mflux::parity
