#pragma once

#include <filesystem>
#include <optional>

namespace mflux {

/// The folder of a project that holds its runs; what lies in it is made again, never committed.
inline constexpr const char* kArtifactsFolder = "debug_artifacts";

/// The innermost folder called debug_artifacts that `path` lies in (or is); nothing when it lies
/// in none. Only the path's spelling is looked at.
std::optional<std::filesystem::path> artifacts_folder_of(const std::filesystem::path& path);

/// To be called once something was written at `path`: if that lies in a folder called
/// debug_artifacts which has no .gitignore, writes one there that ignores everything. Throws Error
/// when it cannot be written.
void ignore_artifacts(const std::filesystem::path& path);

} // namespace mflux
