#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/verdict.h"

namespace mflux::parity {

/// A gain stands out when the error leaves a checkpoint at least this many times larger than it
/// came in.
inline constexpr double kGainThatStandsOut = 10;

/// With ref32 errors are counted in the reference's own at the same place, which rise and fall with
/// it: there this much stands out.
inline constexpr double kGainOverNoiseThatStandsOut = 1.5;

/// The error (rel_l2) that rounding alone explains at one checkpoint: what comes in is never taken
/// to be smaller than this.
double noise_floor(artifacts::Dtype effective);

/// The same at one row: with ref32 the reference's own error there.
double noise_floor(const Row& row);

/// How far the port is off at a row as gains count it: from ref32 where it is there, else
/// error_of().
std::optional<double> gain_error_of(const Row& row);

/// Whether a row holds nothing of an error in what it is computed from: it passes and is far
/// smaller off, or fails a tight tolerance by next to nothing of that error.
bool is_untouched_by(double error, const Row& row);

/// Where the port first parts from the reference.
struct Divergence {
  size_t row = 0;      ///< of Comparison::rows
  std::string owner;   ///< the module in whose forward it lies; "pipeline" outside of all modules
  std::string between; ///< "A and X" when it lies between two modules of the owner
  std::string why;     ///< one sentence: by which rule it was picked
};

/// Finds the first divergence among rows in execution order, fills in the rows' gains, and turns
/// failures that only carry on an earlier one into INHERITED. Nothing when no row fails.
/// `inferred`: the order is a guess, so checkpoints whose own inputs pass go first.
std::optional<Divergence> find_divergence(std::vector<Row>& rows, bool inferred);

} // namespace mflux::parity
