#pragma once

#include <optional>
#include <vector>

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// How a tensor is a sum of others, each times a number: least squares.
struct Combination {
  std::vector<double> factors;
  std::vector<double> errors; ///< what is left may have moved each factor by
  double left = 0; ///< ‖target − sum‖ / ‖target‖ over the elements that were fitted
};

using Terms = std::vector<const Field*>;

/// Nothing when counts differ, or the terms are multiples of each other.
std::optional<Combination> combine(const Terms& terms, const Field& target, const Half& fit);

/// The sum, in the first term's shape.
Field sum_of(const Terms& terms, const std::vector<double>& factors);

} // namespace mflux::parity
