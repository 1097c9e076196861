#include "mflux/image/psnr.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "mflux/base/error.h"

namespace mflux {

double psnr(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height) {
    throw Error(fmt::format(
        "one image is {} × {} pixels, the other {} × {}", a.width, a.height, b.width, b.height));
  }
  double squares = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i) {
    const double d = static_cast<double>(a.rgb[i]) - b.rgb[i];
    squares += d * d;
  }
  if (squares == 0) {
    return std::numeric_limits<double>::infinity();
  }
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / squares);
}

} // namespace mflux
