#pragma once

#include <cstdint>

namespace mflux::parity {

/// Sums over finite pairs, centred so that large means do not cancel; parts merge as Chan, Golub
/// and LeVeque do. Merging in a fixed order gives the same bits however the parts were computed.
struct Moments {
  int64_t count = 0;
  double ref_mean = 0, port_mean = 0;
  double ref_ref = 0, port_port = 0, ref_port = 0; ///< of deviations from the means
  double absolute = 0, square = 0;                 ///< of d = port - ref: |d|, d²

  void merge(const Moments& part);

  /// Sums of squares and products about zero.
  double ref_square() const;
  double port_square() const;
  double product() const;
};

/// The power of two by which values up to `largest` must be multiplied so that their squares
/// neither overflow nor lose digits; 1 for ordinary values.
double unit_for(double largest);

/// Turns sums about a shift into moments.
struct ShiftedSums {
  double ref = 0, port = 0, ref_ref = 0, port_port = 0, ref_port = 0, absolute = 0, square = 0;

  Moments about(double ref_shift, double port_shift, int64_t count) const;
};

} // namespace mflux::parity
