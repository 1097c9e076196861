#include "mflux/base/artifacts_folder.h"

#include "mflux/base/atomic_file.h"

namespace mflux {

namespace fs = std::filesystem;

std::optional<fs::path> artifacts_folder_of(const fs::path& path) {
  for (fs::path at = fs::absolute(path).lexically_normal(); at.has_relative_path();
       at = at.parent_path()) {
    if (at.filename() == kArtifactsFolder) {
      return at;
    }
  }
  return std::nullopt;
}

void ignore_artifacts(const fs::path& path) {
  const auto folder = artifacts_folder_of(path);
  std::error_code ignored;
  if (!folder || !fs::is_directory(*folder, ignored) ||
      fs::exists(fs::symlink_status(*folder / ".gitignore", ignored))) {
    return;
  }
  AtomicFile file(*folder / ".gitignore");
  file.write(std::string_view("*\n"));
  file.commit_new();
}

} // namespace mflux
