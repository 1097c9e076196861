#include "mflux/pipelines/image_array.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/image/png.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/fixture.h"

namespace mflux {
namespace {

using testing::bytes_of;
using testing::error_of;
using testing::fixture;
using ::testing::HasSubstr;

// A model's output, its ties and its excess, against diffusers' VaeImageProcessor.
TEST(Image, RoundsAsDiffusers) {
  const auto npz = artifacts::open_artifact(fixture("image/postprocess.npz"));
  const auto tensor = [&](const std::string& name) {
    for (size_t i = 0; i < npz->tensors().size(); ++i) {
      if (npz->tensors()[i].name == name) {
        return npz->load(i);
      }
    }
    throw std::runtime_error("no " + name);
  };
  const auto sample = tensor("sample"), unit = tensor("unit"), pixels = tensor("pixels");
  const mx::Shape shape(sample.shape.begin(), sample.shape.end());
  const auto* values = reinterpret_cast<const float*>(sample.data().data());
  const auto nhwc = mx::moveaxis(mx::array(values, shape, mx::float32), 1, -1);
  const auto got = to_unit_range(nhwc);
  const mx::array expected(reinterpret_cast<const float*>(unit.data().data()), shape, mx::float32);
  EXPECT_TRUE(mx::array_equal(mx::moveaxis(got, -1, 1), expected).item<bool>());
  EXPECT_EQ(to_image(got).rgb, bytes_of(pixels));
}

TEST(Image, PixelsSurviveTheWayThroughFloats) {
  const Image image = read_png(fixture("image/rgb.png"));
  EXPECT_EQ(to_image(to_unit_range(to_array(image))).rgb, image.rgb);
}

TEST(Image, RefusesNanAndOtherShapes) {
  const auto nan = mx::full({1, 2, 2, 3}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(error_of([&] { to_image(nan); }), HasSubstr("NaN"));
  EXPECT_THAT(
      error_of([] {
        to_image(mx::zeros({2, 2, 2, 3}));
      }),
      HasSubstr("expected [1, height"));
}

} // namespace
} // namespace mflux
