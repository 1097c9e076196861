#include "mflux/parity/diagnose/pipeline/schedule_forms.h"

#include <algorithm>
#include <cmath>

namespace mflux::parity {
namespace {

constexpr double kLeastLevel = 1e-5;
constexpr int kHalvings = 80;

double beta_of(double alpha, double level) {
  return std::sqrt(std::max(0.0, 1 - alpha * alpha * level)) - alpha * std::sqrt(1 - level);
}

} // namespace

std::optional<SignalLevels> signal_levels(double alpha, double beta) {
  if (!(alpha > 0)) {
    return std::nullopt;
  }
  double low = kLeastLevel, high = std::min(1 - 1e-9, 1 / (alpha * alpha));
  const double at_low = beta_of(alpha, low) - beta, at_high = beta_of(alpha, high) - beta;
  if (low >= high || (at_low > 0) == (at_high > 0)) {
    return std::nullopt;
  }
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    ((beta_of(alpha, middle) - beta > 0) == (at_low > 0) ? low : high) = middle;
  }
  return SignalLevels{low, alpha * alpha * low};
}

} // namespace mflux::parity
