#pragma once

#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/pickle.h"

namespace mflux::artifacts {

/// A tensor as a torch pickle describes it: a view of a storage, or the values themselves.
struct TorchTensor {
  TensorInfo info;
  std::string storage;           ///< its key; empty for values of Python
  size_t storage_size = 0;       ///< bytes that the pickle says the storage has
  size_t offset = 0;             ///< bytes
  std::vector<int64_t> strides;  ///< bytes
  std::vector<std::byte> values; ///< of Python's numbers
};

struct TorchContents {
  std::vector<TorchTensor> tensors; ///< in the order of the pickle
  Metadata texts;                   ///< text in the dicts, by name
};

/// Most elements that an expanded tensor (stride 0) may have beyond those of its storage.
constexpr int64_t kMaxExpanded = int64_t{1} << 30;

/// The tensors of a torch.save. Keys and indices of nested dicts, lists and tuples are joined by
/// '.'; a tensor that is the whole file is `stem`. A Python number is a tensor without axes (int64,
/// uint64 from 2^63 on, float64, bool, complex128), a list of nothing but numbers one with one axis
/// (np.asarray's dtype), as is a torch.Size. None, dtypes, devices and bytes are left out. Every
/// view lies inside the storage that the pickle claims. Throws Error.
TorchContents torch_contents(const Pickle& pickle, const std::string& stem);

} // namespace mflux::artifacts
