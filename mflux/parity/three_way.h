#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "mflux/parity/dumps/dump.h"
#include "mflux/parity/verdict.h"

namespace mflux::parity {

/// The gate against ref32, the reference run again in a wider type (float32 beside a bfloat16
/// reference, float64 beside a float32 one): ratio = rel_l2(port, ref32) / rel_l2(ref, ref32), how
/// many times further from the exact result the port is than the reference itself.

/// The reference's own error is never taken to be smaller.
inline constexpr double kLeastOwnError = 1e-6;

/// Above this the reference says too little: INCONCLUSIVE.
inline constexpr double kMostOwnError = 0.1;

/// Finds the reference's checkpoints in `ref32` by exact and normalised names and fills the rows'
/// ref32_error, port32_error and ratio. Says in notes and in the remarks that it returns where
/// ref32 is of no use and the tolerance decides. Rows that must be equal, have another shape or
/// were not compared are left alone. Throws Error on damaged files.
std::vector<std::string> measure_against(
    const Dump& ref32, const Dump& ref, const Dump& port, std::vector<Row>& rows, int threads);

/// Whether ref32 could decide this row: it was measured and need not be equal.
bool has_noise(const Row& row);

/// Of each of the reference's checkpoints, that of ref32.
using Partners = std::unordered_map<const Checkpoint*, const Checkpoint*>;

Partners partners_of(const Dump& ref, const Dump& ref32);

/// The three tensors cut to what all dumps hold.
struct Triple {
  artifacts::Tensor ref, port, ref32;
};

/// The same for one row's tensors at hand, all of one shape. Throws SliceError when ref32 is
/// complex and the others are not.
void measure_row_against(Row& row, const Triple& tensors, int threads);

/// Whether the ratio decides this row, and not a tolerance.
bool is_three_way(const Row& row);

/// The verdict of such a row, and the rule that it states.
void judge_three_way(Row& row, double max_ratio);

} // namespace mflux::parity
