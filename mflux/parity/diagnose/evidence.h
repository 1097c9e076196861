#pragma once

#include <cstdint>
#include <vector>

#include "mflux/parity/diagnose/case.h"

namespace mflux::parity {

/// What a proof is seen by: a few values of the reference, of the port and of what the cause
/// predicts the port to hold. Where the sides have unequal counts those of the reference are left
/// out, or NaN.
struct Evidence {
  /// Neighbouring values around the worst difference, at most kStripValues.
  struct Strip {
    int64_t begin = 0; ///< flat index of the first, C order of the port
    std::vector<double> ref, port, predicted;
  };

  /// Both sides at one element.
  struct Point {
    double ref, port, predicted;
  };

  /// The module's output over its input, element by element.
  struct Curve {
    double ref_in, ref, port_in, port, predicted;
  };

  bool is_second = false; ///< `ref` is the reference with the cause before this one applied
  Strip strip;
  std::vector<Point> points; ///< evenly spread, and the worst of each stretch
  std::vector<Curve> curve;  ///< by input; empty where the input is not known or gives no curve
};

inline constexpr size_t kStripValues = 32;
inline constexpr int64_t kSpread = 192; ///< points evenly spread
inline constexpr int64_t kStretches = 64;

/// Samples of a proof's prediction, laid beside what it was explained from.
Evidence evidence_of(const Case& at, const Field& ref, const Field& predicted);

} // namespace mflux::parity
