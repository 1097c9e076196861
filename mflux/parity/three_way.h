#pragma once

#include <string>
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

/// Whether the ratio decides this row, and not a tolerance.
bool is_three_way(const Row& row);

/// The verdict of such a row, and the rule that it states.
void judge_three_way(Row& row, double max_ratio);

} // namespace mflux::parity
