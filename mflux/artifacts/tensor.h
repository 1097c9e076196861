#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mflux/artifacts/dtype.h"

namespace mflux::artifacts {

using Shape = std::vector<int64_t>;

/// Product of the extents; 1 for a scalar. Throws Error on a negative extent and when the product
/// of the extents that are not zero does not fit 63 bits.
int64_t element_count(const Shape& shape);

/// Bytes that a tensor without gaps takes. Throws Error when they do not fit 63 bits.
size_t byte_count(Dtype dtype, const Shape& shape);

/// "[1, 64, 48]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

/// Bytes that tensors look into: a mapped file or a buffer. Read-only, shared by views.
class Storage {
 public:
  virtual ~Storage() = default;

  std::span<const std::byte> bytes() const {
    return bytes_;
  }

  /// The caller will not soon read [begin, end) again: a mapped file gives those pages back, so
  /// that walking through 40 GB needs no 40 GB of memory. Reading them again stays correct.
  virtual void done_with(size_t begin, size_t end) const;

 protected:
  std::span<const std::byte> bytes_;
};

/// Maps a whole regular file. Throws Error if it cannot be opened or mapped; empty files give no
/// bytes. A file that another program truncates while it is mapped ends this one (SIGBUS): writers
/// must rename a new file into place, as AtomicFile does.
std::shared_ptr<const Storage> map_file(const std::string& path);

/// Owns `bytes`, which start at an address aligned for every dtype.
std::shared_ptr<const Storage> make_storage(std::vector<std::byte> bytes);

/// A read-only view of n-dimensional data in a Storage; copies share it. Elements may be strided
/// (Fortran order, slices) or of foreign byte order; contiguous() makes them plain.
struct Tensor {
  Dtype dtype = Dtype::float32;
  Shape shape;
  std::vector<int64_t> strides; ///< in bytes, one per axis
  bool swapped = false;         ///< elements are big-endian; never set for one-byte dtypes
  size_t offset = 0;            ///< of the first element in the storage, bytes
  std::shared_ptr<const Storage> storage;

  int64_t count() const {
    return element_count(shape);
  }

  size_t byte_count() const {
    return artifacts::byte_count(dtype, shape);
  }

  /// C order, native byte order, no gaps: data() may be read as an array (through memcpy or
  /// unaligned loads: files do not promise alignment).
  bool is_contiguous() const;

  /// This tensor if it is contiguous, else a copy that is.
  Tensor contiguous() const;

  /// The elements of a contiguous tensor. Throws Error otherwise.
  std::span<const std::byte> data() const;

  /// The view that keeps [begin, end) of each axis. Throws Error when out of range.
  Tensor slice(const std::vector<std::pair<int64_t, int64_t>>& ranges) const;
};

/// A contiguous tensor that owns a copy of `bytes`. Throws Error when their number does not fit.
Tensor make_tensor(Dtype dtype, Shape shape, std::vector<std::byte> bytes);

/// Copies the elements [begin, end), counted in C order, of any tensor to `out` in native byte
/// order: contiguous() for a window. Throws Error when the range or the tensor does not fit.
void copy_elements(const Tensor& tensor, int64_t begin, int64_t end, std::byte* out);

/// Byte strides of C order. Throws Error like byte_count().
std::vector<int64_t> c_strides(Dtype dtype, const Shape& shape);

/// Element `index` (C order) of a real or complex tensor as double; the real part of complex ones.
/// For showing a few values, not for loops over all of them.
double value_at(const Tensor& tensor, int64_t index);

} // namespace mflux::artifacts
