#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/attention/turn.h"

namespace mflux::parity {

/// Pairs of a rotary table that turn by the same positions.
struct Axis {
  int64_t first_pair = 0;
  std::vector<double> positions;   ///< of each row
  std::vector<double> frequencies; ///< of each pair, the first 1; empty where all positions are 0

  bool is_still() const {
    return frequencies.empty();
  }
};

/// What a rotary table was made of: angle = position * frequency, frequencies geometric along each
/// axis.
struct RotaryPlan {
  std::vector<Axis> axes;
  std::vector<int64_t> pairs; ///< of each axis
  double theta = 0;           ///< the base of the widest axis: frequency i of n is theta^(-i/n)
};

/// Takes a table apart; nothing when it is none of this kind (positions that are no integers, or
/// frequencies that are not geometric).
std::optional<RotaryPlan> plan_of(const Turn& turn);

/// A table of that plan, with `like`'s pairing and magnitudes.
Turn made(const RotaryPlan& plan, const Turn& like);

} // namespace mflux::parity
