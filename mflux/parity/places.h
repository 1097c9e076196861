#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "mflux/parity/compare.h"

namespace mflux::parity {

/// What the arguments of a comparison stand for on disk.
struct Places {
  std::filesystem::path ref, port;
  std::optional<std::filesystem::path> ref32, map;
  std::vector<std::filesystem::path> tolerances; ///< parity.toml files, the later ones win
};

/// Throws Error when a run folder lacks ref/ or mlx/.
Places locate(const CompareOptions& options);

/// The rules of all its parity.toml files, the later ones last. Throws Error.
std::vector<ToleranceRule> rules_of(const Places& places);

} // namespace mflux::parity
