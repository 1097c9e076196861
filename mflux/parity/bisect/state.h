#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/bisect/narrow.h"

namespace mflux::parity {

/// All that a bisection knows, as state.json keeps it between rounds.
struct BisectState {
  std::string ref, port; ///< the commands
  std::optional<Survey> survey;
  std::vector<Round> rounds;
};

/// Throws Error when the file cannot be written.
void write_state(const std::filesystem::path& path, const BisectState& state);

/// Throws Error when the file is unreadable or no state of a bisection.
BisectState read_state(const std::filesystem::path& path);

/// Null when there is none.
Json to_json(const std::optional<Found>& found);

} // namespace mflux::parity
