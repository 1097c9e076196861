#pragma once

#include <memory>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/bytes.h"

namespace mflux::artifacts {

/// A checkpoint in several .safetensors files beside their index ("model.safetensors.index.json"),
/// which lies at `path`.
/// Tensors come shard by shard, shards in the order of their names. Throws Error when a shard is
/// missing or lies outside the folder, and when index and shards do not name the same tensors.
std::unique_ptr<Artifact> open_shards(const std::filesystem::path& path, Bytes index);

} // namespace mflux::artifacts
