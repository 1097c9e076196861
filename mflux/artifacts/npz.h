#pragma once

#include <memory>

#include "mflux/artifacts/artifact.h"

namespace mflux::artifacts {

/// One .npz archive, its tensors named as np.load names them (without ".npy"). Stored members are
/// views of the archive, deflated ones are inflated by load(); both are checked against their
/// checksum (stored ones once). Throws Error.
std::unique_ptr<Artifact> open_npz(
    const std::filesystem::path& path, std::shared_ptr<const Storage> storage);

} // namespace mflux::artifacts
