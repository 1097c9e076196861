#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mflux/parity/compare.h"
#include "mflux/parity/lock/lock.h"
#include "mflux/parity/lock/thin.h"

namespace mflux::parity {

/// Where a fixture comes from.
struct Provenance {
  std::string name;
  std::string run; ///< its folder, from the project's
  std::string tool;
  Locked measured;
};

/// Count, crops and the worst error of what is kept.
Locked summary_of(const std::vector<Kept>& kept);

/// "2026-11-23T02:30:00Z".
std::string date_now();

/// Writes the parts of a fixture into an empty folder.
class FixtureWriter {
 public:
  /// All must outlive it.
  FixtureWriter(
      const Comparison& comparison,
      const std::vector<Kept>& kept,
      const std::filesystem::path& folder,
      uint64_t max_bytes);

  /// The kept tensors as checkpoints-NNNNN.safetensors of about `max_bytes` at most.
  void write_tensors();

  /// After write_tensors(): the reference's own manifest with the entries that are kept, and
  /// "lock".
  void write_manifest(const std::filesystem::path& ref, const Provenance& provenance) const;

  /// What every checkpoint is held to: the defaults by component, then the run's own rules.
  void write_tolerances(const std::vector<ToleranceRule>& rules) const;

 private:
  const Comparison& comparison_;
  const std::vector<Kept>& kept_;
  const std::filesystem::path& folder_;
  uint64_t max_bytes_;
  std::vector<std::string> files_; ///< of each that is kept
};

} // namespace mflux::parity
