#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/zip.h"

namespace mflux::artifacts {

/// Whether a zip archive with these members is one of torch.save or TorchScript.
bool holds_torch(const std::vector<ZipEntry>& entries);

/// Whether a file begins as a pickle of protocol 2 to 5 does, which torch.save wrote before 1.6, or
/// as the tar archives before 0.1.10. (So may a safetensors file: ask for that first.)
bool is_bare_pickle(Bytes file);

/// Throws Error, which says how to save the file again.
[[noreturn]] void refuse_bare_pickle(Bytes file);

/// A zip archive of torch.save: see torch_contents() for the names. Tensors are views of the
/// archive; records that someone deflated are inflated by load(). Each storage is checked against
/// its checksum once, where torch wrote one. Throws Error.
std::unique_ptr<Artifact> open_torch(
    const std::filesystem::path& path,
    std::shared_ptr<const Storage> storage,
    std::vector<ZipEntry> entries);

} // namespace mflux::artifacts
