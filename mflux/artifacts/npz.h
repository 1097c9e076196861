#pragma once

#include <memory>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/zip.h"

namespace mflux::artifacts {

/// One .npz archive with the members `entries`, its tensors named as np.load names them (without
/// ".npy"). Stored members are views of the archive, deflated ones are inflated by load(); both are
/// checked against their checksum (stored ones once). Throws Error.
std::unique_ptr<Artifact> open_npz(
    const std::filesystem::path& path,
    std::shared_ptr<const Storage> storage,
    std::vector<ZipEntry> entries);

} // namespace mflux::artifacts
