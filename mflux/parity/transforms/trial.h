#pragma once

#include <string>
#include <vector>

#include "mflux/parity/compare.h"
#include "mflux/parity/side.h"
#include "mflux/parity/transforms/transform.h"

namespace mflux::parity {

std::string_view name_of(Side side);

struct TrialOptions {
  CompareOptions compare;
  Chain chain;
  Side side = Side::port;
  std::vector<std::string>
      names; ///< globs over checkpoint names of either side; none: the only one
};

/// A checkpoint scored twice. `after` has no gain: where an error came from is not asked again.
struct TriedRow {
  Row before, after;
};

/// What a chain of transforms does to the verdicts of some checkpoints.
struct Trial {
  Comparison comparison; ///< what the rows point into
  Chain chain;
  Side side = Side::port;
  std::vector<TriedRow> rows;      ///< in execution order
  Verdict verdict = Verdict::pass; ///< the worst after the transforms
};

/// Compares two dumps, transforms one side's tensor of each named checkpoint and judges it again by
/// the same rule. A crop on the other side is cut after the transforms; where the transformed side
/// itself holds a crop they see only that. Throws Error (one line) like compare(), when a glob
/// matches nothing that both sides have, and when the transforms do not fit a tensor.
Trial try_transforms(const TrialOptions& options);

} // namespace mflux::parity
