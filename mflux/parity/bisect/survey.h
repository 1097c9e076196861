#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mflux/artifacts/seen.h"
#include "mflux/parity/dumps/match.h"
#include "mflux/parity/dumps/names.h"

namespace mflux::parity {

/// What one side comes by in a run, in execution order.
struct Listing {
  std::vector<artifacts::SeenCheckpoint> checkpoints;
  bool has_tensors = false; ///< the run wrote a dump and not a list alone
};

/// Reads a survey's list, or the names of an ordinary dump. Weights and pictures are left out.
/// Throws Error when there is neither.
Listing read_listing(const std::filesystem::path& folder);

/// A checkpoint that both sides come by.
struct Spot {
  std::string ref, port; ///< what each side calls it
  uint64_t bytes = 0;    ///< both tensors together
  Name name;             ///< the reference's
};

/// What can be compared of two runs, in the reference's order.
struct Survey {
  std::vector<Spot> spots;
  size_t only_in_ref = 0, only_in_port = 0;
  bool has_tensors = false; ///< both sides wrote dumps, not lists
};

/// Throws Error when no checkpoint is on both sides, or a rename matches nothing.
Survey make_survey(const Listing& ref, const Listing& port, const std::vector<Rename>& renames);

} // namespace mflux::parity
