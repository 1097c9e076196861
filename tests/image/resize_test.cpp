#include "mflux/image/resize.h"

#include <zlib.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/base/json.h"
#include "support/expect_error.h"
#include "support/fixture.h"

namespace mflux {
namespace {

using testing::error_of;
using ::testing::HasSubstr;

/// The formula of tools/reference/fixtures/image_resize.py.
Image picture(int width, int height, bool is_stark) {
  Image image{width, height, {}};
  for (uint32_t i = 0; i < static_cast<uint32_t>(3 * width * height); ++i) {
    uint32_t state = i * 0x9E3779B1u;
    state = (state ^ (state >> 15)) * 0x85EBCA77u;
    state ^= state >> 13;
    image.rgb.push_back(static_cast<uint8_t>(is_stark ? (state >> 31) * 255 : state >> 24));
  }
  return image;
}

uint32_t checksum(const Image& image) {
  return static_cast<uint32_t>(crc32(0, image.rgb.data(), static_cast<uInt>(image.rgb.size())));
}

Json cases(const std::string& kind) {
  return read_json(testing::fixture("image/resize.json"))[kind];
}

TEST(Resize, IsPillowsInEveryByte) {
  for (const Json& one : cases("resize")) {
    const Image out = resize(
        picture(one[0], one[1], one[2] == 1),
        one[4],
        one[5],
        one[3] == "lanczos" ? Filter::lanczos : Filter::bicubic);
    EXPECT_EQ(out.width, one[4]);
    EXPECT_EQ(out.height, one[5]);
    EXPECT_EQ(checksum(out), one[6]) << one;
  }
}

TEST(Resize, ToAnAreaIsDiffusers) {
  for (const Json& one : cases("area")) {
    const Image out = resize_to_area(picture(one[0], one[1], false), one[2]);
    EXPECT_EQ(out.width, one[3]);
    EXPECT_EQ(out.height, one[4]);
    EXPECT_EQ(checksum(out), one[5]) << one;
  }
}

TEST(CentreCrop, IsDiffusers) {
  for (const Json& one : cases("crop")) {
    const Image out = centre_crop(picture(one[0], one[1], false), one[2], one[3]);
    EXPECT_EQ(out.rgb.size(), 3 * one[2].get<size_t>() * one[3].get<size_t>());
    EXPECT_EQ(checksum(out), one[4]) << one;
  }
}

TEST(Resize, ImpossibleSizesAreErrors) {
  const Image image = picture(100, 1, false);
  EXPECT_THAT(error_of([&] { resize(image, 0, 1); }), HasSubstr("0 × 1 pixels"));
  EXPECT_THAT(error_of([&] { resize(image, 1, kLongestSide + 1); }), HasSubstr("1 × 32769"));
  EXPECT_THAT(error_of([&] { resize_to_area(image, 50); }), HasSubstr("70 × 0 pixels"));
  EXPECT_THAT(error_of([&] { centre_crop(image, -1, 1); }), HasSubstr("-1 × 1"));
}

} // namespace
} // namespace mflux
