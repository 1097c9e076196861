#pragma once

#include <memory>
#include <span>

#include "mflux/parity/metrics/measure_singles.h"
#include "mflux/parity/metrics/tally.h"

namespace mflux::parity {

/// The smallest t, of those that beat `best`, with error <= t * unit + t * ref as computed.
double passing_tolerance(double error, double ref, double unit, double best);

/// The exact maxima among what one thread saw, kept while tiles are still in the cache. Where
/// values were rounded to few bits many tiles hold the same largest quotient, and their bounds,
/// which are 1 % too large, would have all of them read again.
class RunningMaxima {
 public:
  explicit RunningMaxima(const Plan& plan);

  /// The bounds of a tile of finite floats, whose kernel ran on `input`: as given, or 0 where the
  /// tile holds nothing above best().
  Bounds settle(
      const SingleInput& input,
      std::span<const float> ref,
      std::span<const float> port,
      const Bounds& bounds);

  /// Where |ref| is at least largest_floor(plan), and so for any floor up to that.
  const Bounds& best() const {
    return best_;
  }

  /// No true floor is taken to be larger.
  static double largest_floor(const Plan& plan) {
    return 1.25 * plan.rel_floor;
  }

 private:
  bool is_worth_it(const Bounds& bounds) const;
  double see(float ref, float port);

  const Plan& plan_;
  Bounds best_;
  int settled_ = 0;
  std::unique_ptr<PairIndices> places_;
};

} // namespace mflux::parity
