// libFuzzer over the PNG and JPEG decoders. Build as artifact_fuzz.cpp says; run: fuzz_images
// CORPUS tests/fixtures/image tests/fixtures/image/files
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mflux/base/error.h"
#include "mflux/image/decoded.h"
#include "mflux/image/orientation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kPixels = 1 << 20; // more only costs time
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto decode : {mflux::decode_png, mflux::decode_jpeg}) {
    try {
      const auto decoded = decode(bytes, "x");
      if (decoded.image.rgb.size() < kPixels) {
        mflux::upright(decoded.image, mflux::orientation_of(decoded.exif, decoded.xmp));
      }
    } catch (const mflux::Error&) {
    }
  }
  return 0;
}
