#include "mflux/parity/metrics/running_maxima.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mflux::parity {
namespace {

/// Bounds are at most this much too large.
constexpr double kTooLarge = 1.03;

/// More than rounding in float changes.
constexpr double kSlack = 1 - 1e-6;

/// Tiles that are looked into before any has set a mark.
constexpr int kFirstTiles = 8;

bool is_tie(double bound, double best) {
  return bound > best && bound <= kTooLarge * best;
}

} // namespace

double passing_tolerance(double error, double ref, double unit, double best) {
  double t = error / (unit + ref);
  while (t >= best && !(error <= t * unit + t * ref)) {
    t = std::nextafter(t, std::numeric_limits<double>::infinity());
  }
  return t;
}

RunningMaxima::RunningMaxima(const Plan& plan)
    : plan_(plan), places_(std::make_unique_for_overwrite<PairIndices>()) {}

bool RunningMaxima::is_worth_it(const Bounds& bounds) const {
  const bool ordinary = std::max(bounds.relative, bounds.passing) < 1e20 && bounds.passing > 1e-20;
  const bool is_first = settled_ < kFirstTiles &&
                        (bounds.relative > best_.relative || bounds.passing > best_.passing);
  return ordinary && (is_first || is_tie(bounds.relative, best_.relative) ||
                      is_tie(bounds.passing, best_.passing));
}

/// Takes a pair into best_; |d| / floor where its quotient depends on the true floor, else 0.
double RunningMaxima::see(float ref, float port) {
  const double size = std::abs(static_cast<double>(ref));
  const double error = std::abs(static_cast<double>(port) - static_cast<double>(ref));
  best_.passing = std::max(best_.passing, passing_tolerance(error, size, 1, best_.passing));
  if (size < largest_floor(plan_)) {
    return error / std::max(size, plan_.rel_floor);
  }
  best_.relative = std::max(best_.relative, error / size);
  return 0;
}

Bounds RunningMaxima::settle(
    const SingleInput& input,
    std::span<const float> ref,
    std::span<const float> port,
    const Bounds& bounds) {
  if (!is_worth_it(bounds)) {
    return bounds;
  }
  ++settled_;
  const auto least = [](double best, double bound) {
    return static_cast<float>(kSlack * std::max(best, bound / kTooLarge));
  };
  const size_t count = find_largest(
      input,
      least(best_.relative, bounds.relative),
      least(best_.passing, bounds.passing),
      *places_);
  double open = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = (*places_)[i];
    open = std::max(open, see(ref[at], port[at]));
  }
  for (size_t at = input.size; at < ref.size(); ++at) {
    open = std::max(open, see(ref[at], port[at]));
  }
  return {open > best_.relative ? open * (2 - kSlack) : 0, 0};
}

} // namespace mflux::parity
