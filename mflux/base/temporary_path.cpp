#include "mflux/base/temporary_path.h"

#include <mutex>
#include <set>

namespace mflux {
namespace {

struct Registry {
  std::mutex mutex;
  std::multiset<std::filesystem::path> paths;
};

/// Never destroyed: a signal may come while the process is ending.
Registry& registry() {
  static auto* instance = new Registry;
  return *instance;
}

} // namespace

TemporaryPath::TemporaryPath(const std::function<std::filesystem::path()>& make) {
  const std::lock_guard lock(registry().mutex);
  path_ = make();
  registry().paths.insert(path_);
}

TemporaryPath::~TemporaryPath() {
  const std::lock_guard lock(registry().mutex);
  registry().paths.erase(registry().paths.find(path_));
}

void remove_temporary_paths() {
  registry().mutex.lock();
  for (const auto& path : registry().paths) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
}

} // namespace mflux
