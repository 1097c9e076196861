#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mflux/artifacts/tensor.h"

namespace mflux::artifacts {

/// What a file says about one of its tensors, without its data being touched.
struct TensorInfo {
  std::string name; ///< the key in the file; the file's stem for a bare .npy
  Dtype dtype;
  Shape shape;
};

/// Remarks that a file carries besides its tensors.
using Metadata = std::map<std::string, std::string>;

/// Whether a file is a picture, and then whether it keeps every level (PNG) or not (JPEG).
enum class PictureKind { none, exact, lossy };

/// An opened artifact: its tensors in the file's order. All headers were checked on opening.
class Artifact {
 public:
  virtual ~Artifact() = default;

  virtual const std::vector<TensorInfo>& tensors() const = 0;

  /// The tensor's data: a view of the mapped file where the format allows, else inflated on demand
  /// (again at every call). Throws Error (corrupt data). `index` < tensors().size(). Safe to call
  /// from several threads.
  virtual Tensor load(size_t index) const = 0;

  /// Whether the order of tensors() is the order in which they were written.
  virtual bool is_ordered() const = 0;

  virtual PictureKind picture() const {
    return PictureKind::none;
  }

  /// The "__metadata__" of safetensors, the text in a torch.save; empty for other formats.
  virtual const Metadata& metadata() const;
};

/// Opens .png, .jpg, .npy, .npz, .safetensors or a torch.save (.pt) by its content, or a sharded
/// checkpoint by its model.safetensors.index.json. Throws Error (one line: file, seen, expected) on
/// anything else and on hostile files.
std::unique_ptr<Artifact> open_artifact(const std::filesystem::path& path);

/// The same for a file's bytes at hand: `path` names them in errors, shards lie beside it.
std::unique_ptr<Artifact> open_artifact(
    const std::filesystem::path& path, std::shared_ptr<const Storage> bytes);

} // namespace mflux::artifacts
