#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mflux/artifacts/dtype.h"

namespace mflux::parity {

/// What the values of a tensor may have been rounded to: a float32 whose 16 low bits are all zero
/// holds bfloat16 and so on. Claimed from at least 64 elements with 16 distinct significands:
/// zeros, ones and masks prove nothing. Not-finite elements do not count.
class Precision {
 public:
  void see(std::span<const float> tile);
  void see(std::span<const double> tile);
  void merge(const Precision& other);

  /// The effective dtype of a tensor stored as `stored`; for a complex one, that of its parts.
  artifacts::Dtype effective(artifacts::Dtype stored) const;

 private:
  void note_significands(std::span<const float> tile);

  int64_t count_ = 0;
  bool float32_ = true, float16_ = true, bfloat16_ = true; ///< whether all values seen fit
  std::vector<uint32_t> significands_; ///< distinct ones, until there are enough
};

/// Significand bits (without the leading one) and exponent of the smallest normal number.
struct Lattice {
  int fraction_bits;
  int min_exponent;

  bool operator==(const Lattice&) const = default;
};

Lattice lattice_of(artifacts::Dtype floating);

/// The one with fewer significand bits. Both floating.
artifacts::Dtype coarser(artifacts::Dtype a, artifacts::Dtype b);

} // namespace mflux::parity
