#pragma once

#include <string>
#include <vector>

namespace mflux::parity {

/// What looks like a mistake of a dump or of the loop that wrote it: a hint, never a verdict.
struct Finding {
  std::string kind;               ///< "duplicate", "stale", "step_shift", "order"
  std::string text;               ///< one sentence
  std::vector<std::string> names; ///< of the checkpoints concerned
};

} // namespace mflux::parity
