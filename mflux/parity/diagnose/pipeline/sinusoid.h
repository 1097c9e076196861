#pragma once

#include <optional>
#include <vector>

#include "mflux/parity/diagnose/field.h"

namespace mflux::parity {

/// A sinusoidal embedding of timesteps, [..., dim], read back: diffusers' get_timestep_embedding
/// with a period of 10000, cosines or sines first, either downscale_freq_shift.
class Sinusoid {
 public:
  /// Nothing when the field is no such embedding.
  static std::optional<Sinusoid> of(const Field& field, double floor);

  /// The embedding of other timesteps.
  Field with_times(double (*change)(double)) const;

  const std::vector<double>& times() const {
    return times_;
  }

 private:
  Sinusoid(const Field& field, bool sines_first, double shift);

  double frequency(int64_t pair) const;
  double cosine(const Field& field, int64_t row, int64_t pair) const;
  double sine(const Field& field, int64_t row, int64_t pair) const;
  double solve(const Field& field, int64_t row) const;
  double refined(const Field& field, int64_t row, double time) const;
  Field embedded(const std::vector<double>& times) const;

  artifacts::Shape shape_;
  int64_t half_;
  bool sines_first_;
  double shift_;
  std::vector<double> times_; ///< of each row
};

} // namespace mflux::parity
