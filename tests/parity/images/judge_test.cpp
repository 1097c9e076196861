#include "mflux/parity/images/judge.h"

#include "gmock/gmock.h"
#include "mflux/base/atomic_file.h"
#include "mflux/image/png.h"
#include "mflux/parity/compare.h"
#include "mflux/parity/output/result_json.h"
#include "support/dumps.h"
#include "support/expect_error.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux::parity {
namespace {

using mflux::testing::error_of;
using mflux::testing::fixture;
using mflux::testing::normal;
using mflux::testing::row;
using mflux::testing::TemporaryFolder;
using ::testing::HasSubstr;

class PictureRows : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* side : {"ref", "mlx", "ref32"}) {
      std::filesystem::create_directory(folder / side);
      artifacts::write_npz(folder / side / "a.npz", {row("x", normal(64, 1))});
    }
  }

  /// A picture whose first value is `change` above the others.
  void save(const std::string& path, int change, int width = 8) const {
    Image image{width, 8, std::vector<uint8_t>(static_cast<size_t>(24 * width), 100)};
    image.rgb[0] = static_cast<uint8_t>(image.rgb[0] + change);
    write_png(folder / path, image);
  }

  Comparison compared(bool with_ref32 = false) const {
    CompareOptions options;
    options.ref = folder / "ref";
    options.port = folder / "mlx";
    if (with_ref32) {
      options.ref32 = folder / "ref32";
    }
    return compare(options);
  }

  static const Row& picture(const Comparison& comparison) {
    return comparison.rows.back();
  }

  TemporaryFolder folder;
};

TEST_F(PictureRows, ALevelOfRoundingPassesAndTwoDoNot) {
  save("ref/image.png", 0);
  save("mlx/image.png", 1);
  auto result = compared();
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_EQ(picture(result).ref->text, "image.png");
  EXPECT_EQ(picture(result).rule, "1 of 255 levels apart, at most 1");
  EXPECT_THAT(picture(result).notes.back(), HasSubstr("PSNR 70.96 dB, SSIM"));
  EXPECT_EQ(parse_json(to_json(result))["checkpoints"][1]["picture"]["max_levels"], 1);
  save("mlx/image.png", 2);
  result = compared();
  EXPECT_EQ(picture(result).verdict, Verdict::fail);
  EXPECT_EQ(result.first_divergence->row, 1u);
}

TEST_F(PictureRows, ParityTomlCountsLevelsWhenItNamesPictures) {
  save("ref/image.png", 0);
  save("mlx/image.png", 2);
  const auto with = [&](const std::string& match, const std::string& atol) {
    write_file(
        folder / "ref/parity.toml",
        "[[tolerance]]\nmatch = \"" + match + "\"\natol = " + atol + "\nrtol = 0.0\n");
    return picture(compared()).verdict;
  };
  EXPECT_EQ(with("*.png", "2"), Verdict::pass);
  EXPECT_EQ(with("*.png", "1.5"), Verdict::fail);
  EXPECT_EQ(with("*", "2.0"), Verdict::fail) << "a rule for tensors";
  save("mlx/image.png", 1);
  EXPECT_EQ(with("*", "1e-5"), Verdict::pass) << "a rule for tensors";
}

TEST_F(PictureRows, AnotherSizeIsShape) {
  save("ref/image.png", 0);
  save("mlx/image.png", 0, 9);
  EXPECT_EQ(picture(compared()).verdict, Verdict::shape);
}

TEST_F(PictureRows, APictureThatThePortDidNotSaveIsNotMissed) {
  save("ref/image.png", 0);
  auto result = compared();
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_TRUE(picture(result).allowed_missing);
  save("mlx/other.png", 0);
  EXPECT_EQ(compared().verdict, Verdict::missing);
}

TEST_F(PictureRows, AgainstRef32AFurtherPictureMayPass) {
  save("ref/image.png", 6);
  save("mlx/image.png", 10);
  save("ref32/image.png", 0);
  EXPECT_EQ(picture(compared()).verdict, Verdict::fail);
  auto result = compared(true);
  EXPECT_EQ(picture(result).verdict, Verdict::pass);
  EXPECT_THAT(picture(result).rule, HasSubstr("ratio 1.7 of 2 against ref32"));
  save("mlx/image.png", 13);
  EXPECT_EQ(picture(compared(true)).verdict, Verdict::fail);
  save("ref32/image.png", 6);
  save("mlx/image.png", 8);
  EXPECT_EQ(picture(compared(true)).verdict, Verdict::fail) << "the reference equals ref32";
}

TEST(Decide, JpegsGoByPsnr) {
  EXPECT_TRUE(decide({.psnr = 40, .max_levels = 9}, true).passes);
  EXPECT_FALSE(decide({.psnr = 39.9, .max_levels = 9}, true).passes);
  EXPECT_FALSE(decide({.psnr = 50, .max_levels = 9}, false).passes);
  EXPECT_FALSE(decide({.psnr = 50, .max_levels = 9}, true, 8).passes);
}

TEST(Decide, AgainstRef32) {
  const auto verdict = [](double own, double port) {
    return decide_against({.psnr = own}, {.psnr = port}, 2).verdict;
  };
  EXPECT_EQ(verdict(40, 34), Verdict::pass);
  EXPECT_EQ(verdict(40, 33.9), Verdict::fail);
  EXPECT_EQ(verdict(19, 19), Verdict::inconclusive);
}

TEST(BadPictures, AreOneLine) {
  const TemporaryFolder folder;
  const auto told = [&](const std::string& bytes, const std::string& name = "a.png") {
    write_file(folder / name, bytes);
    return error_of([&] {
      const auto file = artifacts::open_artifact(folder / name);
      file->load(0);
    });
  };
  const std::string good = read_file(fixture("pictures/rgba_16.png"));
  for (size_t size = 0; size < good.size(); size += 7) {
    EXPECT_THAT(told(good.substr(0, size)), HasSubstr("the file is no")) << size;
  }
  std::string bomb = good;
  bomb.replace(16, 8, std::string("\0\0\x30\0\0\0\x30\0", 8));
  bomb.replace(29, 4, "\xeb\x12\x4e\x1f"); // of the new IHDR
  EXPECT_THAT(told(bomb), HasSubstr("506 bytes cannot hold 12288 × 12288 pixels"));
  std::string none = good;
  none.replace(16, 8, std::string(8, '\0'));
  EXPECT_THAT(told(none), HasSubstr("is no readable PNG"));
  EXPECT_THAT(told("\xff\xd8\xff", "a.jpg"), HasSubstr("a.jpg: the file is no readable JPEG"));
}

} // namespace
} // namespace mflux::parity
