#include "mflux/ports/checkout.h"

#include <fmt/format.h>

#include "mflux/base/error.h"

namespace mflux::ports {

namespace fs = std::filesystem;

fs::path find_checkout(const fs::path& start) {
  std::error_code failed;
  const auto first = fs::absolute(start, failed).lexically_normal();
  for (auto folder = first;; folder = folder.parent_path()) {
    if (fs::is_regular_file(folder / "CMakeLists.txt", failed) &&
        fs::is_regular_file(folder / "mflux/models/registry.cpp", failed)) {
      return folder;
    }
    if (folder == folder.parent_path()) {
      break;
    }
  }
  throw Error(fmt::format(
      "{} lies in no checkout of mflux.cpp (a folder with mflux/models/registry.cpp); "
      "run this in one, or name it with --checkout",
      first.string()));
}

} // namespace mflux::ports
