#pragma once

#include <vector>

#include "mflux/parity/dumps/dump.h"
#include "mflux/parity/dumps/match.h"

namespace mflux::parity {

/// The fourth pass of matching: moves from `matching`'s missing and extra to its pairs what has the
/// same shape and, nearly, the same values (1e-2 of their spread), where each is the other's best
/// by far (ten times, and by 1e-3): equal tensors under several names stay unmatched. Integers,
/// constants, tensors of fewer than 8 values and slices are never guessed. Reads 512 values of each
/// tensor.
void guess_by_values(const Dump& ref, const Dump& port, Matching& matching);

/// The rules of map.toml that say the same as the guesses, one for all steps of a checkpoint.
std::vector<Rename> renames_of_guesses(const Dump& ref, const Dump& port, const Matching& matching);

} // namespace mflux::parity
