#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mflux/artifacts/artifact.h"

namespace mflux {

/// The weights of one component, its headers and index checked, no values read.
struct Checkpoint {
  std::string component;      ///< the subfolder of the model ("vae"); empty for a single one
  std::filesystem::path file; ///< or the shards' index
  std::shared_ptr<const artifacts::Artifact> artifact;
  std::map<std::string, std::string> shards; ///< tensor to file; empty for a single file

  /// "vae: decoder.conv_in.weight", or the name alone.
  std::string full_name(const std::string& tensor) const;
};

/// One checkpoint file, index or component's folder, or every component of a model's folder, by
/// name. Throws Error when there is none, or one is unreadable.
std::vector<Checkpoint> open_checkpoints(const std::filesystem::path& path);

/// One component's. Throws Error.
Checkpoint open_checkpoint(const std::string& component, const std::filesystem::path& file);

} // namespace mflux
