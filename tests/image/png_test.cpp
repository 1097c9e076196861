#include "mflux/image/png.h"

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/json.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using testing::bytes_of;
using testing::error_of;
using testing::fixture;
using ::testing::HasSubstr;

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

} // namespace
} // namespace mflux
