#include "mflux/artifacts/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

class NpyFile final : public Artifact {
 public:
  NpyFile(std::string name, Tensor tensor) : tensor_(std::move(tensor)) {
    tensors_ = {{std::move(name), tensor_.dtype, tensor_.shape}};
  }

  const std::vector<TensorInfo>& tensors() const override {
    return tensors_;
  }

  Tensor load(size_t) const override {
    return tensor_;
  }

  bool is_ordered() const override {
    return true;
  }

 private:
  Tensor tensor_;
  std::vector<TensorInfo> tensors_;
};

} // namespace

Tensor npy_tensor(const NpyHeader& header, std::shared_ptr<const Storage> storage, size_t start) {
  Tensor out;
  out.dtype = header.dtype;
  out.shape = header.shape;
  out.swapped = header.swapped;
  out.offset = start + header.data_offset;
  out.storage = std::move(storage);
  if (header.fortran_order) {
    out.strides = c_strides(header.dtype, Shape(header.shape.rbegin(), header.shape.rend()));
    std::reverse(out.strides.begin(), out.strides.end());
  } else {
    out.strides = c_strides(header.dtype, header.shape);
  }
  return out;
}

std::unique_ptr<Artifact> open_npy(
    const std::filesystem::path& path, std::shared_ptr<const Storage> storage) {
  const NpyHeader header = read_npy_header(storage->bytes());
  const size_t held = storage->bytes().size() - header.data_offset;
  if (held != header.data_size) {
    throw Error(fmt::format(
        "{} of shape {} take {} bytes, the file holds {}: {}",
        name_of(header.dtype),
        to_string(header.shape),
        header.data_size,
        held,
        held < header.data_size ? "it was cut off" : "save one array per file"));
  }
  return std::make_unique<NpyFile>(path.stem().string(), npy_tensor(header, std::move(storage), 0));
}

} // namespace mflux::artifacts
