#pragma once

#include <string>
#include <vector>

#include "mflux/parity/diagnose/diagnose.h"
#include "support/dumps.h"

namespace mflux::testing {

/// A comparison and what is said about it.
struct Diagnosed {
  parity::Comparison comparison;
  parity::Diagnosis diagnosis;

  /// "id at name" of each cause, the surest first.
  std::vector<std::string> causes() const;
};

/// Writes both sides as npz files, whose entries are in execution order, and diagnoses them.
/// Parameters are named "weights/PARAMETER".
Diagnosed diagnosed(
    const std::vector<artifacts::NamedTensor>& ref,
    const std::vector<artifacts::NamedTensor>& port,
    const std::vector<artifacts::NamedTensor>& ref32 = {});

/// The values with relative noise of a float32 port, about 3e-7; the same for the same seed.
std::vector<float> with_noise(std::vector<float> values, unsigned seed);

/// The values rounded to bfloat16.
std::vector<float> in_bfloat16(std::vector<float> values);

} // namespace mflux::testing
