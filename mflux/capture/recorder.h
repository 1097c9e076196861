#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mflux/artifacts/seen.h"
#include "mflux/base/json.h"
#include "mflux/capture/staging.h"
#include "mflux/capture/taps.h"

namespace mflux::capture {

/// What a manifest says about the run as a whole.
struct RunFacts {
  Json run = Json::object(); ///< prompt, height, width, …
  std::string device, compute_dtype;
  Json seed = nullptr;
};

/// Writes what passes the taps as a dump: safetensors shards and manifest.json, names, axes and
/// order as PyTorch's hooks have them. Tensors are evaluated together, a shard at a time, so that
/// at most `shard_bytes` of them are held. An older dump in the folder stays until finish() puts
/// the new one in its place.
class Recorder : public Observer {
 public:
  struct Options {
    std::vector<std::string> globs{"*"}; ///< over module names and whole checkpoint names
    size_t shard_bytes = size_t{256} << 20;
    bool is_survey = false; ///< list every checkpoint and its size, and write no tensors
  };

  Recorder(std::filesystem::path folder, RunFacts facts, Options options);
  Recorder(std::filesystem::path folder, RunFacts facts)
      : Recorder(std::move(folder), std::move(facts), Options{}) {}

  mx::array see(
      const std::string& module,
      const std::string& checkpoint,
      Role role,
      const mx::array& tensor,
      Axes axes) override;

  /// Writes what is left and the manifest, then puts the dump in place. Without it nothing is left
  /// behind. A glob that matched nothing is a warning. Throws Error when no checkpoint was seen, or
  /// nothing can be written.
  void finish();

  size_t checkpoints() const {
    return entries_.size();
  }

 private:
  bool is_tapped(const std::string& module, const std::string& checkpoint);
  void flush();
  void refuse_nothing() const;
  std::string shard_name() const;

  std::filesystem::path folder_;
  RunFacts facts_;
  Options options_;
  std::set<std::string> matched_; ///< of the globs
  std::vector<std::pair<std::string, mx::array>> pending_;
  size_t pending_bytes_ = 0;
  int shard_ = 1;
  std::optional<Staging> staging_; ///< from the first shard on
  std::vector<artifacts::ManifestEntry> entries_;
  std::vector<artifacts::SeenCheckpoint> seen_; ///< of a survey
};

} // namespace mflux::capture
