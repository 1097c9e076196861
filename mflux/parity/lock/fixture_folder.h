#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "mflux/base/temporary_path.h"

namespace mflux::parity {

/// The folder of a fixture, built beside its place and put there whole. Without commit() the
/// destructor, or a signal that ends the process, removes what was built.
class FixtureFolder {
 public:
  /// Throws Error when something is at `target` already, unless `update` is set and it is a fixture
  /// that was locked; and when nothing can be made there.
  FixtureFolder(std::filesystem::path target, bool update);
  ~FixtureFolder();
  FixtureFolder(const FixtureFolder&) = delete;
  FixtureFolder& operator=(const FixtureFolder&) = delete;

  /// Where its files are to be written.
  const std::filesystem::path& staged() const {
    return staged_;
  }

  /// Writes a file, unless the older fixture has one of that name: that stays.
  void add_unless_edited(const std::string& name, const std::string& text);

  /// The size of all files. Throws Error when one is larger than `max_bytes`.
  uint64_t check_sizes(uint64_t max_bytes) const;

  /// Puts the folder in place, with those files of the older fixture that lock does not write.
  void commit();

 private:
  void keep_other_files() const;

  std::filesystem::path target_, staged_;
  bool replaces_ = false;
  std::optional<TemporaryPath> registered_; ///< until commit()
};

} // namespace mflux::parity
