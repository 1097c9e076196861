#pragma once

#include <string>
#include <vector>

namespace mflux::parity {

struct Comparison;

/// What looks like a mistake of a dump or of the loop that wrote it: a hint, never a verdict.
struct Finding {
  std::string kind;               ///< "duplicate", "stale", "step_shift"
  std::string text;               ///< one sentence
  std::vector<std::string> names; ///< of the checkpoints concerned
};

/// Looks for tensors that are equal on one side only (duplicate), for steps of the port that are
/// other steps of the reference (step_shift), for failing checkpoints that are another checkpoint
/// of the reference (duplicate), and for those that are wrong while what is computed from them
/// agrees (stale). Takes rows in execution order with their verdicts; reads 512 values of those
/// concerned.
std::vector<Finding> find_mistakes(const Comparison& comparison);

} // namespace mflux::parity
