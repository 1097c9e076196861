#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/manifest.h"
#include "mflux/parity/dumps/names.h"

namespace mflux::parity {

/// One named tensor of a dump, not loaded.
struct Checkpoint {
  Name name;
  std::string text; ///< the canonical name
  size_t artifact = 0, index = 0;
  artifacts::Dtype dtype{};
  artifacts::Shape shape;                      ///< of what the file holds
  std::optional<artifacts::Ranges> slice;      ///< which part of the tensor that is
  std::optional<artifacts::Shape> whole_shape; ///< of the tensor, when the manifest says
  std::string module_class;
  artifacts::PictureKind picture{}; ///< [height, width, channels] of a PNG or JPEG
};

/// Where the order of a dump's checkpoints comes from.
enum class OrderSource { none, archive, manifest };

/// One side of a comparison: a file, or a folder of .npy, .npz, .safetensors (also sharded),
/// torch.save (.pt, .pth, .ckpt, .bin), .png and .jpg files with an optional manifest.json. A
/// picture is named like its file, "image.png". Tensors are read when asked for.
class Dump {
 public:
  /// Throws Error (one line) when nothing is there, nothing holds a tensor, a file is damaged, a
  /// name stands twice, or the manifest names what is not there.
  static Dump open(const std::filesystem::path& path);

  const std::filesystem::path& path() const {
    return path_;
  }

  const std::vector<Checkpoint>& checkpoints() const {
    return checkpoints_;
  }

  /// Parameters dumped beside the checkpoints, under weights/ or with the role "weight": no
  /// checkpoints. `name.path` is the parameter's name.
  const std::vector<Checkpoint>& weights() const {
    return weights_;
  }

  OrderSource order() const {
    return order_;
  }

  /// The run's facts of the manifest; an empty object without one.
  const Json& run() const {
    return run_;
  }

  /// What a reader of the result should know: files that were not read, a partial dump.
  const std::vector<std::string>& remarks() const {
    return remarks_;
  }

  artifacts::Tensor load(const Checkpoint& checkpoint) const;

 private:
  friend class DumpReader;

  struct File {
    std::string name; ///< inside the folder
    std::unique_ptr<artifacts::Artifact> artifact;
  };

  std::filesystem::path path_;
  std::vector<File> files_;
  std::vector<Checkpoint> checkpoints_, weights_;
  OrderSource order_ = OrderSource::none;
  Json run_ = Json::object();
  std::vector<std::string> remarks_;
};

} // namespace mflux::parity
