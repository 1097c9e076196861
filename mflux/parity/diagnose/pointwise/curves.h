#pragma once

#include <span>

namespace mflux::parity {

/// A function that modules have as activation, of one variable.
struct Curve {
  const char* name;
  double (*of)(double);
  double lowest; ///< where it is least; below, it falls. −infinity where it only rises
};

/// Every known activation; the first is none at all.
std::span<const Curve> curves();

} // namespace mflux::parity
