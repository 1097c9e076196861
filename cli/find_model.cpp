#include "cli/find_model.h"

#include <fmt/format.h>

#include <vector>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "mflux/base/error.h"

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

} // namespace

std::filesystem::path find_model(const std::string& name) {
  if (std::filesystem::is_directory(name)) {
    return name;
  }
  std::string looked = name;
  if (name.find('/') == std::string::npos && !name.empty()) {
    const auto here = executable_folder();
    for (const char* models : {"../share/mflux/models", "../../models", "../../../models"}) {
      const auto folder = (here / models / name).lexically_normal();
      if (std::filesystem::is_directory(folder)) {
        return folder;
      }
      looked += ", " + folder.string();
    }
  }
  throw Error(fmt::format(
      "no model \"{}\": expected a folder in diffusers' layout or the name of a bundled model "
      "(looked at {})",
      name,
      looked));
}

} // namespace mflux::cli
