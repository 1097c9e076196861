#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/layout/digits.h"

namespace mflux::parity {

struct WeightVariant {
  Rearrangement steps;   ///< of the weight
  bool reversed = false; ///< the taps of a kernel, in h and w
  std::string detail;
};

/// The ways in which a matrix [out, in] or a kernel [O, I, h, w] may be loaded with its axes in
/// another order: equal axes exchanged, a flat array taken for another shape, taps reversed.
std::vector<WeightVariant> transposed_variants(const artifacts::Shape& shape);

/// A weight of the original's shape.
Field varied(const Field& weight, const WeightVariant& variant);

/// The variant of `ref` that `port` is, but for noise.
std::optional<WeightVariant> variant_that_is(const Field& port, const Field& ref);

} // namespace mflux::parity
