#include "mflux/parity/images/picture_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "mflux/base/error.h"
#include "mflux/parity/images/flip.h"
#include "mflux/parity/images/ssim.h"

namespace mflux::parity {

PictureMetrics measure_pictures(const Picture& ref, const Picture& port) {
  if (ref.width != port.width || ref.height != port.height || ref.channels != port.channels) {
    throw Error(fmt::format(
        "the reference's picture is {} × {} pixels of {} channels, the port's {} × {} of {}",
        ref.width,
        ref.height,
        ref.channels,
        port.width,
        port.height,
        port.channels));
  }
  PictureMetrics out;
  double squares = 0, sum = 0;
  for (size_t i = 0; i < ref.levels.size(); ++i) {
    const double apart = std::abs(double{ref.levels[i]} - double{port.levels[i]});
    squares += apart * apart;
    sum += apart;
    out.max_levels = std::max(out.max_levels, apart);
  }
  const auto count = static_cast<double>(ref.levels.size());
  out.mean_levels = sum / count;
  out.psnr = squares == 0 ? std::numeric_limits<double>::infinity()
                          : 10 * std::log10(255.0 * 255.0 * count / squares);
  const Picture a = without_alpha(ref), b = without_alpha(port);
  out.ssim = ssim(a, b);
  const auto map = flip_map(a, b);
  out.flip = std::accumulate(map.begin(), map.end(), 0.0) / static_cast<double>(map.size());
  return out;
}

std::string describe(const PictureMetrics& m) {
  return fmt::format(
      "PSNR {:.2f} dB, SSIM {:.5f}, FLIP {:.4f}, levels apart: {:.4g} at most, {:.3g} on average",
      m.psnr,
      m.ssim,
      m.flip,
      m.max_levels,
      m.mean_levels);
}

} // namespace mflux::parity
