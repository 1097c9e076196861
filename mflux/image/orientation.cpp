#include "mflux/image/orientation.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace mflux {
namespace {

/// Bounded reading of TIFF numbers in the file's byte order; 0 beyond the end.
class Tiff {
 public:
  explicit Tiff(std::string_view bytes)
      : bytes_(bytes), is_big_endian_(bytes.substr(0, 4) == std::string_view("MM\0*", 4)) {}

  bool is_tiff() const {
    return is_big_endian_ || bytes_.substr(0, 4) == std::string_view("II*\0", 4);
  }

  uint32_t number(size_t at, size_t size) const {
    uint32_t value = 0;
    for (size_t i = 0; i < size && at + size <= bytes_.size(); ++i) {
      const auto byte =
          static_cast<unsigned char>(bytes_[at + (is_big_endian_ ? i : size - 1 - i)]);
      value = (value << 8) | byte;
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool is_big_endian_;
};

/// The tag in the first directory; 0 when it is not there.
uint32_t from_exif(std::string_view exif) {
  constexpr std::string_view kMark("Exif\0\0", 6);
  constexpr uint32_t kOrientation = 0x0112, kShort = 3, kLong = 4;
  while (exif.starts_with(kMark)) {
    exif.remove_prefix(kMark.size());
  }
  const Tiff tiff(exif);
  if (!tiff.is_tiff()) {
    return 0;
  }
  const size_t directory = tiff.number(4, 4);
  const size_t entries = tiff.number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    const uint32_t type = tiff.number(entry + 2, 2);
    if (tiff.number(entry, 2) == kOrientation && tiff.number(entry + 4, 4) == 1 &&
        (type == kShort || type == kLong)) {
      return tiff.number(entry + 8, type == kShort ? 2 : 4);
    }
  }
  return 0;
}

uint32_t from_xmp(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (size_t at = xmp.find(kName); at != std::string_view::npos; at = xmp.find(kName, at + 1)) {
    auto rest = xmp.substr(at + kName.size());
    for (const std::string_view mark : {"=\"", ">"}) {
      if (rest.starts_with(mark) && rest.size() > mark.size()) {
        const char digit = rest[mark.size()];
        if (digit >= '0' && digit <= '9') {
          return static_cast<uint32_t>(digit - '0');
        }
      }
    }
  }
  return 0;
}

/// Where the pixel at (x, y) of the upright picture lies in `image`.
std::pair<int, int> source_of(const Image& image, int orientation, int x, int y) {
  const int right = image.width - 1, bottom = image.height - 1;
  switch (orientation) {
    case 2:
      return {right - x, y};
    case 3:
      return {right - x, bottom - y};
    case 4:
      return {x, bottom - y};
    case 5:
      return {y, x};
    case 6:
      return {y, bottom - x};
    case 7:
      return {right - y, bottom - x};
    case 8:
      return {right - y, x};
    default:
      return {x, y};
  }
}

} // namespace

int orientation_of(std::string_view exif, std::string_view xmp) {
  uint32_t orientation = from_exif(exif);
  if (orientation == 0) {
    orientation = from_xmp(xmp);
  }
  return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
}

Image upright(const Image& image, int orientation) {
  if (orientation == 1) {
    return image;
  }
  Image out{image.width, image.height, {}};
  if (orientation >= 5) {
    std::swap(out.width, out.height);
  }
  out.rgb.reserve(image.rgb.size());
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      const auto [from_x, from_y] = source_of(image, orientation, x, y);
      const auto pixel =
          image.rgb.begin() + ptrdiff_t{3} * (ptrdiff_t{from_y} * image.width + from_x);
      out.rgb.insert(out.rgb.end(), pixel, pixel + 3);
    }
  }
  return out;
}

} // namespace mflux
