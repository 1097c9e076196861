#pragma once

#include <filesystem>
#include <functional>

namespace mflux {

/// Remembers a half-made file or folder for as long as it lives, so that a process that is ended by
/// a signal can remove it. It removes nothing itself.
class TemporaryPath {
 public:
  /// `make` creates it and gives its path; whoever removes all waits until it is remembered.
  explicit TemporaryPath(const std::function<std::filesystem::path()>& make);
  ~TemporaryPath();
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;

  const std::filesystem::path& path() const {
    return path_;
  }

 private:
  std::filesystem::path path_;
};

/// Removes every path that a living TemporaryPath remembers, from any thread, as the last act of a
/// process: no TemporaryPath can be made or destroyed afterwards (those that try wait for ever).
void remove_temporary_paths();

} // namespace mflux
