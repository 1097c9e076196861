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

/// Where a tensor lies, and its header.
struct Found {
  std::string name; ///< the checkpoint's
  std::filesystem::path file;
  artifacts::Dtype dtype;
  artifacts::Shape shape;
};

/// The tensors a component is run on, by checkpoint name: a dump's folder (with or without
/// manifest) or one artifact file. Nothing is read before it is asked for.
class Inputs {
 public:
  /// Throws Error when there is nothing to read at `path`.
  explicit Inputs(std::filesystem::path path);

  /// What is under the first of `names` that is there; no values are read. Throws Error, naming
  /// what is nearest, when none is, and when the dump holds only a crop of it. A lone .npy is any
  /// name.
  Found find(const std::vector<std::string>& names) const;

  /// The tensor that find() found.
  artifacts::Tensor require(const std::vector<std::string>& names) const;

  bool has(const std::string& name) const {
    return places_.count(name) > 0;
  }

  /// Every K of a "PREFIX@step=K", in order.
  std::vector<int> steps(const std::string& prefix) const;

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
    std::filesystem::path file;
  };
  struct Entry {
    std::string name;
    const Place* place;
  };

  Entry entry_of(const std::vector<std::string>& names) const;
  void add_file(const std::filesystem::path& file);
  void add_manifest(const std::filesystem::path& path);
  std::shared_ptr<artifacts::Artifact> open(const std::filesystem::path& file);

  std::filesystem::path path_;
  std::map<std::string, Place> places_;
  std::map<std::string, std::shared_ptr<artifacts::Artifact>> open_;
  Json run_ = Json::object();
};

} // namespace mflux::capture
