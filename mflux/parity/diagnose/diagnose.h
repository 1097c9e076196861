#pragma once

#include <string>
#include <vector>

#include "mflux/parity/compare.h"
#include "mflux/parity/diagnose/evidence.h"

namespace mflux::parity {

/// A cause that was proven at a checkpoint.
struct Cause {
  std::string id;
  size_t row = 0;                  ///< of Comparison::rows: where it was proven
  double confidence = 0;           ///< of 1
  double before = 0, after = 0;    ///< rel_l2 as found, and with the cause applied
  std::string transform;           ///< as `parity try` takes it; empty where no chain says it
  std::string detail;              ///< what was found there
  std::vector<std::string> others; ///< checkpoints where the same cause was proven too
  Evidence evidence;               ///< a few values that show it
};

/// A cause that was tried where nothing was proven, and what it left.
struct RuledOut {
  std::string id;
  double before = 0, after = 0;
};

struct Diagnosis {
  std::vector<Cause> causes;       ///< the surest first
  std::vector<RuledOut> ruled_out; ///< at the first divergence, where it has no cause
  std::vector<std::string> next;   ///< what to dump or do where it has none, one sentence each
};

/// Names the cause of the first divergence, of what goes wrong beside it and of what is left once a
/// first cause is applied; only what is proven. Throws Error on damaged files.
Diagnosis diagnose(const Comparison& comparison);

} // namespace mflux::parity
