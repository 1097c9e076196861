#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "mflux/parity/diagnose/case.h"

namespace mflux::parity {

/// Sums of a correlation.
struct Correlation {
  double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;

  void add(double a, double b) {
    ++n;
    x += a;
    y += b;
    xx += a * a;
    yy += b * b;
    xy += a * b;
  }

  /// Of 1, whatever its sign; 0 where one side is constant.
  double value() const {
    const double a = xx - x * x / n, b = yy - y * y / n;
    return a > 0 && b > 0 ? std::abs(xy - x * y / n) / std::sqrt(a * b) : 0;
  }
};

/// Some of the port's elements: half anywhere, half where it differs from the reference.
std::vector<int64_t> sample_places(const Case& at);

/// Below which correlation, of a few hundred samples, nothing is applied to the whole tensor.
inline constexpr double kLeastCorrelation = 0.85;

/// The same after a few samples.
inline constexpr double kLeastFirst = 0.6;
inline constexpr size_t kFirstSamples = 24;

/// How the port's values at `places` correlate with the reference's where `source` says that they
/// come from; 0 as soon as the first few tell that they do not.
template <typename Source>
double correlation_of(const Case& at, const std::vector<int64_t>& places, Source&& source) {
  Correlation correlation;
  for (const int64_t place : places) {
    const auto from = static_cast<size_t>(source(place));
    correlation.add(at.ref.values[from], at.port.values[static_cast<size_t>(place)]);
    if (correlation.n == kFirstSamples && correlation.value() < kLeastFirst) {
      return 0;
    }
  }
  return correlation.value();
}

} // namespace mflux::parity
