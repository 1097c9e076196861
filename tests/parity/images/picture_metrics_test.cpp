#include "mflux/parity/images/picture_metrics.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/base/json.h"
#include "mflux/image/psnr.h"
#include "mflux/parity/images/flip.h"
#include "mflux/parity/images/heat.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/fixture.h"

namespace mflux::parity {
namespace {

using artifacts::Tensor;
using mflux::testing::error_of;
using mflux::testing::fixture;
using mflux::testing::floats;
using ::testing::HasSubstr;

std::map<std::string, Tensor> load_all(const std::string& name) {
  const auto file = artifacts::open_artifact(fixture(name));
  std::map<std::string, Tensor> tensors;
  for (size_t i = 0; i < file->tensors().size(); ++i) {
    tensors[file->tensors()[i].name] = file->load(i).contiguous();
  }
  return tensors;
}

std::vector<std::byte> bytes_of(const Tensor& tensor) {
  return {tensor.data().begin(), tensor.data().end()};
}

// NumPy's view of what Pillow opens; of 16-bit colour, which Pillow cuts, what was written.
TEST(PictureArtifacts, HoldWhatNumpySees) {
  const auto truth = load_all("pictures/samples.npz");
  ASSERT_EQ(truth.size(), 15u);
  for (const auto& [name, expected] : truth) {
    const auto file = artifacts::open_artifact(fixture("pictures") / name);
    ASSERT_EQ(file->tensors().size(), 1u);
    const auto& info = file->tensors()[0];
    EXPECT_EQ(info.name, name);
    EXPECT_EQ(info.dtype, expected.dtype) << name;
    ASSERT_EQ(info.shape, expected.shape) << name;
    EXPECT_EQ(bytes_of(file->load(0)), bytes_of(expected)) << name;
  }
}

class Pairs : public ::testing::TestWithParam<const char*> {};

TEST_P(Pairs, AreAsFarApartAsScikitImageAndFlipSay) {
  const std::string name = GetParam();
  const auto tensors = load_all("pictures/pairs.npz");
  const Json expected = read_json(fixture("pictures/metrics.json"))["metrics"][name];
  const auto picture = [&](const char* side) {
    return picture_of(tensors.at(name + side), FloatRange::unit);
  };
  const Picture ref = picture("_ref"), port = picture("_port");
  const auto got = measure_pictures(ref, port);
  EXPECT_NEAR(got.psnr, expected["psnr"].get<double>(), 1e-9);
  EXPECT_NEAR(got.ssim, expected["ssim"].get<double>(), 1e-9);
  EXPECT_NEAR(got.flip, expected["flip"].get<double>(), 5e-5);
  EXPECT_EQ(got.max_levels, expected["max_levels"].get<double>());
  EXPECT_NEAR(got.mean_levels, expected["mean_levels"].get<double>(), 1e-9);
  EXPECT_NEAR(got.psnr, psnr(to_rgb(ref), to_rgb(port)), 1e-9);
  const auto map = flip_map(ref, port);
  for (size_t i = 0; i < map.size(); ++i) {
    const double want = value_at(tensors.at(name + "_flip"), static_cast<int64_t>(i));
    ASSERT_NEAR(map[i], want, 2e-4) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, Pairs, ::testing::Values("odd", "window", "tiny", "dot"), [](const auto& info) {
      return std::string(info.param);
    });

TEST(PictureOf, ReadsBothLayoutsAndRanges) {
  // Two items of 3 × 2 × 2, then the same picture with its channels last.
  std::vector<float> planes(24, 9.f / 255);
  std::vector<float> last;
  for (int i = 0; i < 12; ++i) {
    planes[12 + static_cast<size_t>(i)] = static_cast<float>(i) / 255;
  }
  for (int pixel = 0; pixel < 4; ++pixel) {
    for (int c = 0; c < 3; ++c) {
      last.push_back(static_cast<float>(4 * c + pixel) / 255 * 2 - 1);
    }
  }
  const Picture a = picture_of(floats({2, 3, 2, 2}, planes), FloatRange::unit, 1);
  const auto symmetric = floats({1, 2, 2, 3}, last);
  EXPECT_EQ(range_of(symmetric), FloatRange::symmetric);
  const Picture b = picture_of(symmetric, FloatRange::symmetric);
  ASSERT_EQ(a.channels, 3);
  ASSERT_EQ(b.levels.size(), 12u);
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_NEAR(a.levels[i], static_cast<float>(4 * (i % 3) + i / 3), 1e-4);
    EXPECT_NEAR(a.levels[i], b.levels[i], 1e-4);
  }
}

TEST(PictureOf, RefusesWhatIsNone) {
  const auto told = [](const Tensor& tensor, int item = 0) {
    return error_of([&] { picture_of(tensor, FloatRange::unit, item); });
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(told(floats({1, 1, 1}, {kNan})), HasSubstr("NaN or infinity"));
  EXPECT_THAT(told(floats({1, 1, 1}, {255})), HasSubstr("holds 255, expected a picture in [0, 1]"));
  EXPECT_THAT(told(floats({6}, std::vector<float>(6))), HasSubstr("shape [6] and type float32"));
  EXPECT_THAT(told(floats({5, 5, 5}, std::vector<float>(125))), HasSubstr("is no picture"));
  EXPECT_THAT(told(floats({3, 0, 4}, {})), HasSubstr("is no picture"));
  EXPECT_THAT(told(floats({1, 1, 1, 1}, {0}), 1), HasSubstr("no batch item 1"));
  EXPECT_THAT(told(floats({1, 1}, {0}), 1), HasSubstr("no batch item 1"));
}

TEST(PictureMetrics, AlphaCountsInLevelsAndIsLaidOverWhite) {
  const Picture ref{1, 1, 2, {0, 255}}, port{1, 1, 2, {0, 0}}, white{1, 1, 1, {255}};
  const auto apart = measure_pictures(ref, port);
  EXPECT_EQ(apart.max_levels, 255);
  EXPECT_EQ(apart.mean_levels, 127.5);
  EXPECT_EQ(without_alpha(port).levels, white.levels);
  EXPECT_GT(apart.flip, 0.5);
}

TEST(Heat, IsBlackForAlikeAndYellowForUnlike) {
  const auto heat = heat_map({0.f, 0.5f, 1.f}, 3, 1);
  const std::vector<uint8_t> magma{0, 0, 4, 183, 55, 121, 252, 253, 191}; // matplotlib's
  for (size_t i = 0; i < magma.size(); ++i) {
    EXPECT_NEAR(heat.rgb[i], magma[i], 5) << i;
  }
  EXPECT_EQ(side_by_side({heat, heat}).width, 10);
}

} // namespace
} // namespace mflux::parity
