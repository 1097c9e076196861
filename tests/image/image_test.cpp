#include "mflux/image/image.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"
#include "support/expect_error.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using testing::error_of;
using testing::fixture;
using ::testing::HasSubstr;

std::vector<uint8_t> bytes_of(const artifacts::Tensor& tensor) {
  const auto plain = tensor.contiguous();
  const auto* first = reinterpret_cast<const uint8_t*>(plain.data().data());
  return {first, first + plain.byte_count()};
}

/// Without the syncing that makes write_file() slow in long loops.
void write_quickly(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class ReadPng : public ::testing::TestWithParam<const char*> {};

TEST_P(ReadPng, GivesWhatPillowGives) {
  const auto file = fixture("image") / GetParam();
  const auto expected = artifacts::open_artifact(file.string() + ".npy")->load(0);
  const Image image = read_png(file.string() + ".png");
  EXPECT_EQ((artifacts::Shape{image.height, image.width, 3}), expected.shape);
  EXPECT_EQ(image.rgb, bytes_of(expected));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    ReadPng,
    ::testing::Values(
        "rgb",
        "rgba",
        "grey",
        "grey_alpha",
        "palette",
        "one_bit",
        "rgb_16_bit",
        "rgba_16_bit",
        "gamma"),
    [](const auto& info) { return std::string(info.param); });

TEST(Png, ComesBackAsWritten) {
  const testing::TemporaryFolder folder;
  const Image image = read_png(fixture("image/rgb.png"));
  write_png(folder / "out.png", image);
  const Image again = read_png(folder / "out.png");
  EXPECT_EQ(again.width, image.width);
  EXPECT_EQ(again.rgb, image.rgb);
}

TEST(Png, BadFilesAreRefused) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { read_png(folder / "none.png"); }), HasSubstr("does not exist"));
  const std::string good = read_file(fixture("image/rgb.png"));
  for (size_t size = 0; size < good.size(); ++size) {
    write_quickly(folder / "short.png", good.substr(0, size));
    EXPECT_THAT(error_of([&] { read_png(folder / "short.png"); }), HasSubstr("is no readable PNG"));
  }
  std::string huge = good;
  huge.replace(16, 8, std::string("\x7f\xff\xff\xff\x7f\xff\xff\xff", 8)); // width, height
  write_quickly(folder / "huge.png", huge);
  EXPECT_THAT(error_of([&] { read_png(folder / "huge.png"); }), HasSubstr("huge.png"));
}

TEST(Png, TextsAreThoseThatPillowReads) {
  const Json expected = read_json(fixture("image/files/texts.json"));
  const auto texts = read_png_texts(fixture("image/files/texts.png"));
  EXPECT_EQ(texts.size(), expected.size());
  for (const auto& [key, text] : texts) {
    EXPECT_EQ(text, expected[key]) << key;
  }
}

TEST(Png, TextsComeBackAsWritten) {
  const testing::TemporaryFolder folder;
  const PngTexts texts{{"plain", "a\nb"}, {"wide", "りんご 🍎"}, {"none", ""}};
  write_png(folder / "out.png", Image{1, 1, {1, 2, 3}}, texts);
  EXPECT_EQ(read_png_texts(folder / "out.png"), texts);
  EXPECT_EQ(read_png(folder / "out.png").rgb, (std::vector<uint8_t>{1, 2, 3}));
  const PngTexts nul{{"nul", std::string("a\0b", 3)}};
  EXPECT_THAT(
      error_of([&] {
        write_png(folder / "no.png", Image{1, 1, {1, 2, 3}}, nul);
      }),
      HasSubstr("\"nul\" cannot hold a NUL"));
  EXPECT_FALSE(std::filesystem::exists(folder / "no.png"));
}

TEST(Png, FlippedBitsNeverCrash) {
  const testing::TemporaryFolder folder;
  const std::string good = read_file(fixture("image/palette.png"));
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    write_quickly(folder / "bad.png", bad);
    try {
      read_png(folder / "bad.png");
    } catch (const Error& error) {
      EXPECT_THAT(one_line(error), HasSubstr("bad.png"));
    }
  }
}

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

TEST(Psnr, IsTheTextbooks) {
  const Image a{2, 1, {0, 0, 0, 0, 0, 0}}, b{2, 1, {6, 0, 0, 0, 0, 0}};
  EXPECT_NEAR(psnr(a, b), 10 * std::log10(255.0 * 255.0 / 6.0), 1e-12);
  EXPECT_TRUE(std::isinf(psnr(a, a)));
  EXPECT_THAT(error_of([&] { psnr(a, Image{1, 2, a.rgb}); }), HasSubstr("2 × 1"));
}

} // namespace
} // namespace mflux
