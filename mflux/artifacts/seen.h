#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mflux/artifacts/manifest.h"

namespace mflux::artifacts {

/// A checkpoint that a run came by, with the size of its tensor.
struct SeenCheckpoint {
  std::string name;
  uint64_t bytes = 0;
};

/// The list "seen" of a survey's manifest.json: what there was, in order, instead of tensors.
/// Nothing when the manifest has none. Throws Error.
std::optional<std::vector<SeenCheckpoint>> read_seen(const std::filesystem::path& manifest);

/// A survey's manifest.json. Throws Error when it cannot be written.
void write_seen(
    const std::filesystem::path& path,
    const Manifest& manifest,
    const std::vector<SeenCheckpoint>& seen);

} // namespace mflux::artifacts
