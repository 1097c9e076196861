#include "mflux/image/read_image.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/image/decoded.h"
#include "mflux/image/orientation.h"

namespace mflux {
namespace {

using std::string_view_literals::operator""sv;

/// A format by the bytes it has at some place.
struct Format {
  std::string_view name;
  size_t at;
  std::string_view mark;
};

constexpr std::array kOthers{
    Format{"a WebP picture", 8, "WEBP"sv},
    Format{"a GIF", 0, "GIF8"sv},
    Format{"a TIFF", 0, "II*\0"sv},
    Format{"a TIFF", 0, "MM\0*"sv},
    Format{"a BMP", 0, "BM"sv},
    Format{"an AVIF picture", 4, "ftypavif"sv},
    Format{"a HEIC picture", 4, "ftyphei"sv},
    Format{"a HEIC picture", 4, "ftypmif1"sv},
    Format{"a JPEG 2000", 4, "jP  \r\n"sv},
    Format{"a JPEG XL", 0, "\xff\x0a"sv},
    Format{"a JPEG XL", 4, "JXL "sv},
    Format{"an SVG drawing", 0, "<svg"sv},
    Format{"an HTML page", 0, "<!"sv},
};

[[noreturn]] void refuse(std::string_view file, const std::string& name) {
  for (const auto& format : kOthers) {
    if (file.size() > format.at && file.substr(format.at).starts_with(format.mark)) {
      throw Error(fmt::format("{} is {}, expected a PNG or JPEG", name, format.name));
    }
  }
  throw Error(fmt::format("{} is no picture that is known, expected a PNG or JPEG", name));
}

} // namespace

Image read_image(const std::filesystem::path& path) {
  const std::string file = read_file(path, kLargestImageFile);
  const std::string_view bytes = file;
  Decoded decoded;
  if (looks_like_png(bytes)) {
    decoded = decode_png(bytes, path.string());
  } else if (looks_like_jpeg(bytes)) {
    decoded = decode_jpeg(bytes, path.string());
  } else {
    refuse(bytes, path.string());
  }
  return upright(decoded.image, orientation_of(decoded.exif, decoded.xmp));
}

} // namespace mflux
