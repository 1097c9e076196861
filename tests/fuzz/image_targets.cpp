#include "fuzz/targets.h"
#include "mflux/image/decoded.h"
#include "mflux/image/orientation.h"

namespace mflux::fuzz {
namespace {

void decode(Decoded (*reader)(std::string_view, const std::string&), artifacts::Bytes input) {
  constexpr size_t kPixels = 1 << 20; // turning more only costs time
  const auto decoded = reader(artifacts::as_text(input), "x");
  if (decoded.image.rgb.size() < kPixels) {
    upright(decoded.image, orientation_of(decoded.exif, decoded.xmp));
  }
}

} // namespace

Targets image_targets() {
  return {
      {"jpeg", [](artifacts::Bytes input) { decode(decode_jpeg, input); }},
      {"png", [](artifacts::Bytes input) { decode(decode_png, input); }},
  };
}

} // namespace mflux::fuzz
