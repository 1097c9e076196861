#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mflux/base/temporary_path.h"

namespace mflux::capture {

/// Whether a dump may write a file of that name: manifest.json or checkpoints-NNNNN.safetensors.
bool is_dump_file(std::string_view name);

/// A folder in which a new dump grows while an older one stays whole. It lies inside the dump's
/// folder where that exists, else inside the nearest folder above that does, so that moving files
/// is renaming them. Without commit() the destructor, or a signal that ends the process, removes
/// it.
class Staging {
 public:
  /// Throws Error when nothing can be made there.
  explicit Staging(std::filesystem::path target);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  const std::filesystem::path& path() const {
    return path_;
  }

  /// Replaces the older dump's own files by `files`, which lie in path(), in the order given: name
  /// the manifest last. Files of other names stay. Throws Error.
  void commit(const std::vector<std::string>& files);

 private:
  void remove() noexcept;

  std::filesystem::path target_, path_;
  std::optional<TemporaryPath> registered_; ///< until commit()
};

} // namespace mflux::capture
