#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/tensor.h"

namespace mflux::artifacts {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Writes what np.save writes for the tensor in C order, bfloat16 as ml_dtypes does. float8 dtypes
/// go by their full names, which np.load reads once ml_dtypes is imported.
///
/// All writers stream (no second copy of the data), put the file in place whole or not at all, and
/// throw Error when it cannot be written.
void write_npy(const std::filesystem::path& path, const Tensor& tensor);

enum class Compression { stored, deflated };

/// Writes an archive that np.load reads, in the given order, zip64 where sizes need it. Throws
/// Error on empty and duplicate names.
void write_npz(
    const std::filesystem::path& path,
    const std::vector<NamedTensor>& tensors,
    Compression compression = Compression::stored);

/// Writes what the reference's writer writes: tensors sorted by dtype (widest first, so that all
/// are aligned) and name. Throws Error on empty and duplicate names and on complex128.
void write_safetensors(
    const std::filesystem::path& path,
    const std::vector<NamedTensor>& tensors,
    const Metadata& metadata = {});

} // namespace mflux::artifacts
