#include "cli/find_model.h"

#include <fmt/format.h>

#include <vector>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "mflux/base/error.h"
#include "mflux/base/nearest.h"

namespace mflux::cli {
namespace {

std::filesystem::path executable_folder() {
#ifdef __APPLE__
  std::string buffer(4096, '\0');
  uint32_t size = static_cast<uint32_t>(buffer.size());
  if (_NSGetExecutablePath(buffer.data(), &size) != 0) {
    return {};
  }
  return std::filesystem::canonical(buffer.c_str()).parent_path();
#else
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
#endif
}

void add_folder_names(const std::filesystem::path& folder, std::vector<std::string>& names) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.is_directory(failed)) {
      names.push_back(entry.path().filename().string());
    }
  }
}

} // namespace

std::filesystem::path find_model(const std::string& name) {
  if (std::filesystem::is_directory(name)) {
    return name;
  }
  std::string looked = name;
  std::vector<std::string> bundled;
  if (name.find('/') == std::string::npos && !name.empty()) {
    const auto here = executable_folder();
    for (const char* models : {"../share/mflux/models", "../../models", "../../../models"}) {
      const auto folder = (here / models / name).lexically_normal();
      if (std::filesystem::is_directory(folder)) {
        return folder;
      }
      looked += ", " + folder.string();
      add_folder_names(here / models, bundled);
    }
  }
  const auto match = nearest(name, bundled);
  throw Error(fmt::format(
      "no model \"{}\"{}: expected a folder in diffusers' layout or the name of a bundled model "
      "(looked at {})",
      name,
      match.empty() ? "" : fmt::format(" (did you mean {}?)", match),
      looked));
}

} // namespace mflux::cli
