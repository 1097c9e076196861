#include "mflux/image/read_image.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mflux/artifacts/artifact.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/log.h"
#include "support/expect_error.h"
#include "support/fixture.h"
#include "support/temporary_folder.h"

namespace mflux {
namespace {

using testing::error_of;
using testing::fixture;
using ::testing::HasSubstr;

/// The warnings of the library while this lives.
class Warnings {
 public:
  Warnings() {
    set_log_sink([this](LogLevel, const std::string& message) { text_ += message + "\n"; });
  }
  ~Warnings() {
    set_log_sink({});
  }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;

  const std::string& text() const {
    return text_;
  }

 private:
  std::string text_;
};

Image with_bytes(const std::string& bytes) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "picture", std::ios::binary) << bytes; // unsynced: quick in long loops
  return read_image(folder / "picture");
}

std::string jpeg() {
  return read_file(fixture("image/files/colour_420.jpg"));
}

int largest_difference(const Image& image, const artifacts::Tensor& expected) {
  const auto plain = expected.contiguous();
  const auto* level = reinterpret_cast<const uint8_t*>(plain.data().data());
  int largest = 0;
  for (const uint8_t got : image.rgb) {
    largest = std::max(largest, std::abs(got - *level++));
  }
  return largest;
}

// Pillow bundles a newer libjpeg-turbo than Debian; they agree exactly on these.
TEST(ReadImage, GivesWhatDiffusersLoadImageGives) {
  const auto pixels = artifacts::open_artifact(fixture("image/files/pixels.npz"));
  ASSERT_GT(pixels->tensors().size(), 20u);
  for (size_t i = 0; i < pixels->tensors().size(); ++i) {
    const auto name = pixels->tensors()[i].name;
    const auto expected = pixels->load(i);
    const Image image = read_image(fixture("image/files") / name);
    ASSERT_EQ((artifacts::Shape{image.height, image.width, 3}), expected.shape) << name;
    EXPECT_EQ(largest_difference(image, expected), 0) << name;
  }
}

TEST(ReadImage, KnowsOtherFormats) {
  const auto told = [](const std::string& bytes) { return error_of([&] { with_bytes(bytes); }); };
  EXPECT_THAT(
      told(std::string("RIFF\x10\0\0\0WEBPVP8 ", 16)),
      HasSubstr("is a WebP picture, expected a PNG or JPEG"));
  EXPECT_THAT(told("GIF89a"), HasSubstr("is a GIF"));
  EXPECT_THAT(told("BM______"), HasSubstr("is a BMP"));
  EXPECT_THAT(told(""), HasSubstr("is no picture that is known"));
  EXPECT_THAT(told("a red apple"), HasSubstr("is no picture that is known"));
  EXPECT_THAT(error_of([] { read_image("/none.jpg"); }), HasSubstr("does not exist"));
  EXPECT_THAT(error_of([] { read_image("/tmp"); }), HasSubstr("is not a regular file"));
}

TEST(ReadImage, CutJpegsAreErrors) {
  for (const char* name : {"colour_420.jpg", "progressive.jpg", "cmyk.jpg"}) {
    const std::string whole = read_file(fixture("image/files") / name);
    for (size_t size = 3; size < whole.size(); size += size + 64 < whole.size() ? 7 : 1) {
      EXPECT_THAT(
          error_of([&] { with_bytes(whole.substr(0, size)); }), HasSubstr("is no readable JPEG"))
          << name << " " << size;
    }
  }
}

TEST(ReadImage, ADamagedJpegIsReadWithAWarning) {
  std::string bad = jpeg();
  const size_t scan = bad.find("\xff\xda");
  bad.replace(scan + 200, 2, "\xff\xd9"); // an end mark in the middle of the pixels
  const Warnings warnings;
  EXPECT_EQ(with_bytes(bad).width, 83);
  EXPECT_THAT(warnings.text(), HasSubstr("is damaged; what could be read is used"));
}

TEST(ReadImage, HugeSizesAreRefusedBeforeTheyAreAllocated) {
  std::string huge = jpeg();
  const size_t frame = huge.find("\xff\xc0");
  huge.replace(frame + 5, 4, "\xff\xff\xff\xff"); // height, width
  EXPECT_THAT(error_of([&] { with_bytes(huge); }), HasSubstr("is no readable JPEG: Maximum"));
  huge.replace(frame + 5, 4, std::string("\0\1\x80\1", 4));
  EXPECT_THAT(error_of([&] { with_bytes(huge); }), HasSubstr("is 32769 × 1 pixels"));
  huge.replace(frame + 5, 4, "\x7f\xff\x7f\xff");
  EXPECT_THAT(error_of([&] { with_bytes(huge); }), HasSubstr("178956970 pixels in all"));
}

TEST(ReadImage, TwoComponentsAreRefused) {
  std::string bad = jpeg();
  const size_t frame = bad.find("\xff\xc0");
  bad.replace(frame + 2, 2, std::string("\0\x0e", 2)); // a header for two components
  bad[frame + 9] = 2;
  bad.erase(frame + 16, 3);
  const size_t scan = bad.find("\xff\xda");
  bad.replace(scan + 2, 3, std::string("\0\x0a\2", 3));
  bad.erase(scan + 9, 2);
  EXPECT_THAT(error_of([&] { with_bytes(bad); }), HasSubstr("2 components, expected 1, 3 or 4"));
}

TEST(ReadImage, MutatedFilesNeverCrash) {
  const Warnings warnings;
  uint32_t state = 1;
  const auto next = [&state](uint32_t below) {
    state = state * 1664525u + 1013904223u;
    return static_cast<size_t>((uint64_t{state} * below) >> 32);
  };
  for (const char* name :
       {"turned_5.jpg",
        "progressive.jpg",
        "restarts.jpg",
        "cmyk.jpg",
        "turned_late.png",
        "texts.png"}) {
    const std::string good = read_file(fixture("image/files") / name);
    for (int round = 0; round < 500; ++round) {
      std::string bad = good;
      for (size_t change = next(6) + 1; change > 0; --change) {
        // Headers more often than pixels.
        const auto size = static_cast<uint32_t>(bad.size());
        const size_t at = next(next(2) == 0 ? std::min(size, 200u) : size);
        switch (next(3)) {
          case 0:
            bad[at] = static_cast<char>(next(256));
            break;
          case 1:
            bad.erase(at, next(5));
            break;
          default:
            bad.insert(at, bad.substr(next(size), next(40)));
        }
      }
      try {
        with_bytes(bad);
      } catch (const Error& error) {
        EXPECT_THAT(one_line(error), HasSubstr("/picture is "));
      }
    }
  }
}

} // namespace
} // namespace mflux
