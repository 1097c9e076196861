#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/runs/runs.h"

namespace mflux::parity {

struct CleanOptions {
  std::filesystem::path artifacts; ///< of artifacts_at() or find_artifacts()
  std::vector<std::string> runs;   ///< ids or paths; none: everything
  std::optional<std::chrono::seconds> older_than;
};

/// What a clean would do.
struct CleanPlan {
  std::vector<Run> remove;
  std::vector<Run> locked;  ///< kept although asked for
  std::vector<Run> younger; ///< kept for their age
  uint64_t bytes = 0;       ///< of `remove`
};

/// Touches nothing. A run that is named must lie directly in `artifacts`. What an interrupted clean
/// left behind is removed too when no run is named. Throws Error on runs that are not there and on
/// paths that lead out.
CleanPlan plan_clean(const CleanOptions& options);

/// Removes an entry of `artifacts`: it first gets a hidden name, so that a run is there whole or
/// not at all, also when a signal ends the process. A link is removed, never followed. Throws
/// Error.
void remove_run(const std::filesystem::path& artifacts, const Run& run);

} // namespace mflux::parity
