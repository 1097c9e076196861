#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mflux::cli {

/// A path of the command line and the flag that gave it.
struct PathFlag {
  std::string name;
  std::filesystem::path path;

  std::string text() const {
    return name + " " + path.string();
  }
};

/// The path as the file system has it, as far as it exists; no trailing slash.
std::filesystem::path plain_path(const std::filesystem::path& path);

/// What a run reads and what it writes.
struct Targets {
  std::vector<PathFlag> read{}, files{};
  std::filesystem::path capture{}; ///< folder of a dump, which may not exist yet; or empty
};

/// Throws Error for what cannot be written and what would replace something that is read.
void check_targets(const Targets& targets);

} // namespace mflux::cli
