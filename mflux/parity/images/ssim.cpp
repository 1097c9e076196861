#include "mflux/parity/images/ssim.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mflux::parity {
namespace {

constexpr int kRadius = 5;
constexpr int kTaps = 2 * kRadius + 1;
constexpr double kSigma = 1.5;
constexpr double kC1 = (0.01 * 255) * (0.01 * 255), kC2 = (0.03 * 255) * (0.03 * 255);

/// a, b, a², b², ab.
constexpr size_t kMoments = 5;
using Moments = std::array<double, kMoments>;

std::array<double, kTaps> make_window() {
  std::array<double, kTaps> window{};
  double sum = 0;
  for (int i = -kRadius; i <= kRadius; ++i) {
    sum += window[static_cast<size_t>(i + kRadius)] = std::exp(-0.5 * i * i / (kSigma * kSigma));
  }
  for (double& weight : window) {
    weight /= sum;
  }
  return window;
}

const std::array<double, kTaps> kWindow = make_window();

/// Mirrored at the edges, the edge pixel twice: c b a | a b c | c b a.
size_t mirrored(int at, int size) {
  const int period = 2 * size;
  at = ((at % period) + period) % period;
  return static_cast<size_t>(at < size ? at : period - 1 - at);
}

double similarity(const Moments& m) {
  const double va = m[2] - m[0] * m[0], vb = m[3] - m[1] * m[1], cov = m[4] - m[0] * m[1];
  return (2 * m[0] * m[1] + kC1) * (2 * cov + kC2) /
         ((m[0] * m[0] + m[1] * m[1] + kC1) * (va + vb + kC2));
}

/// The window's sums down the columns around row `y`.
void sum_columns(
    const Picture& a, const Picture& b, int channel, int y, std::vector<Moments>& columns) {
  std::fill(columns.begin(), columns.end(), Moments{});
  const auto step = static_cast<size_t>(a.channels);
  for (int tap = 0; tap < kTaps; ++tap) {
    const double weight = kWindow[static_cast<size_t>(tap)];
    size_t at = mirrored(y + tap - kRadius, a.height) * columns.size() * step +
                static_cast<size_t>(channel);
    for (auto& sums : columns) {
      const double va = a.levels[at], vb = b.levels[at];
      at += step;
      const Moments values{va, vb, va * va, vb * vb, va * vb};
      for (size_t i = 0; i < kMoments; ++i) {
        sums[i] += weight * values[i];
      }
    }
  }
}

double sum_row(const std::vector<Moments>& columns, int pad) {
  const int width = static_cast<int>(columns.size());
  double sum = 0;
  for (int x = pad; x < width - pad; ++x) {
    Moments moments{};
    for (int tap = 0; tap < kTaps; ++tap) {
      const auto& column = columns[mirrored(x + tap - kRadius, width)];
      for (size_t i = 0; i < kMoments; ++i) {
        moments[i] += kWindow[static_cast<size_t>(tap)] * column[i];
      }
    }
    sum += similarity(moments);
  }
  return sum;
}

} // namespace

double ssim(const Picture& a, const Picture& b) {
  const int shortest = std::min(a.width, a.height);
  const int pad = std::min(kRadius, (shortest - 1) / 2);
  std::vector<Moments> columns(static_cast<size_t>(a.width));
  double sum = 0;
  for (int channel = 0; channel < a.channels; ++channel) {
    for (int y = pad; y < a.height - pad; ++y) {
      sum_columns(a, b, channel, y, columns);
      sum += sum_row(columns, pad);
    }
  }
  const double windows = double(a.width - 2 * pad) * (a.height - 2 * pad);
  return sum / (windows * a.channels);
}

} // namespace mflux::parity
