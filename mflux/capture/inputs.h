#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/base/json.h"

namespace mflux::capture {

/// The tensors a component is run on, by checkpoint name: a dump's folder (with or without
/// manifest) or one artifact file. Nothing is read before it is asked for.
class Inputs {
 public:
  /// Throws Error when there is nothing to read at `path`.
  explicit Inputs(std::filesystem::path path);

  /// The tensor under the first of `names` that is there. Throws Error, naming what is nearest,
  /// when none is, and when the dump holds only a crop of it. A lone .npy is any name.
  artifacts::Tensor require(const std::vector<std::string>& names) const;

  /// The name among "PREFIX@step=K" with the highest K.
  std::optional<std::string> last_step(const std::string& prefix) const;

  /// What the manifest says about the run; an empty object without one.
  const Json& run() const {
    return run_;
  }

 private:
  struct Place {
    std::shared_ptr<artifacts::Artifact> artifact;
    size_t index;
    bool is_crop;
  };

  void add_file(const std::filesystem::path& file);
  void add_manifest(const std::filesystem::path& path);
  std::shared_ptr<artifacts::Artifact> open(const std::filesystem::path& file);

  std::filesystem::path path_;
  std::map<std::string, Place> places_;
  std::map<std::string, std::shared_ptr<artifacts::Artifact>> open_;
  Json run_ = Json::object();
};

} // namespace mflux::capture
