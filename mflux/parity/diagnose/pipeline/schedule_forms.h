#pragma once

#include <optional>

namespace mflux::parity {

/// Signal levels ᾱ before and after a step of DDIM or Euler on predicted noise:
/// α = √(ᾱ'/ᾱ), β = √(1 − ᾱ') − α √(1 − ᾱ). Nothing when α and β are of no such step.
struct SignalLevels {
  double before, after;
};

std::optional<SignalLevels> signal_levels(double alpha, double beta);

} // namespace mflux::parity
