#pragma once

#include <memory>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/npy_header.h"

namespace mflux::artifacts {

/// The tensor whose npy file begins at byte `start` of `storage`.
Tensor npy_tensor(const NpyHeader& header, std::shared_ptr<const Storage> storage, size_t start);

/// One .npy file; its tensor is named after the file. Throws Error.
std::unique_ptr<Artifact> open_npy(
    const std::filesystem::path& path, std::shared_ptr<const Storage> storage);

} // namespace mflux::artifacts
