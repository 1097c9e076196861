#include <fmt/format.h>
#include <png.h>

#include <cstring>
#include <string>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/image/image.h"

namespace mflux {
namespace {

/// libpng's simplified interface, released however the scope is left.
struct Png : png_image {
  Png() : png_image{} {
    version = PNG_IMAGE_VERSION;
  }
  ~Png() {
    png_image_free(this);
  }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;
};

/// More than any compressed image of kLongestSide² that anybody means.
constexpr size_t kLargestFile = size_t{1} << 30;

} // namespace

Image read_png(const std::filesystem::path& path) {
  const std::string file = read_file(path, kLargestFile);
  Png png;
  const auto check = [&](int success) {
    if (!success) {
      throw Error(fmt::format("{} is no readable PNG: {}", path.string(), png.message));
    }
  };
  check(png_image_begin_read_from_memory(&png, file.data(), file.size()));
  if (png.width > kLongestSide || png.height > kLongestSide) {
    throw Error(fmt::format(
        "{} is {} × {} pixels, expected sides of at most {}",
        path.string(),
        png.width,
        png.height,
        kLongestSide));
  }
  // Alpha is read and dropped here; libpng itself would blend it with a background.
  const bool has_alpha = png.format & PNG_FORMAT_FLAG_ALPHA;
  png.format = has_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(png));
  check(png_image_finish_read(&png, nullptr, pixels.data(), 0, nullptr));

  Image image{static_cast<int>(png.width), static_cast<int>(png.height), std::move(pixels)};
  if (has_alpha) {
    const size_t count = image.rgb.size() / 4;
    for (size_t i = 0; i < count; ++i) {
      std::memmove(&image.rgb[3 * i], &image.rgb[4 * i], 3);
    }
    image.rgb.resize(3 * count);
  }
  return image;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  Png png;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, image.rgb.data(), 0, nullptr)) {
    throw Error(fmt::format("cannot make {}: {}", path.string(), png.message));
  }
  bytes.resize(size);
  write_file(path, bytes);
}

} // namespace mflux
