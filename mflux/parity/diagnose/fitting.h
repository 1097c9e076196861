#pragma once

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// ‖port − predicted‖² over the elements of `fit`: what a fit makes small.
double error_over(const Case& at, const Field& predicted, const Half& fit);

/// Where a function of one number is least: a grid of `steps`, then the golden section.
template <typename Function>
double least_of(Function function, double from, double to, int steps = 48) {
  double best = from, least = function(from);
  const double step = (to - from) / steps;
  for (int i = 1; i <= steps; ++i) {
    if (const double value = function(from + i * step); value < least) {
      best = from + i * step;
      least = value;
    }
  }
  double low = best - step, high = best + step;
  for (int i = 0; i < 32; ++i) {
    const double a = high - 0.618033988749895 * (high - low);
    const double b = low + 0.618033988749895 * (high - low);
    (function(a) < function(b) ? high : low) = function(a) < function(b) ? b : a;
  }
  return (low + high) / 2;
}

} // namespace mflux::parity
