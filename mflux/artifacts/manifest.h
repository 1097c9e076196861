#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mflux/artifacts/tensor.h"
#include "mflux/base/json.h"

namespace mflux::artifacts {

/// The file beside a dump's tensors that says what they are.
inline constexpr const char* kManifest = "manifest.json";

/// [begin, end) of each axis.
using Ranges = std::vector<std::pair<int64_t, int64_t>>;

/// One checkpoint as manifest.json lists it.
struct ManifestEntry {
  std::string name, file, key; ///< key is empty when the file holds one tensor
  std::string module_class;
  std::string role; ///< in, out or weight
  std::optional<int> step;
  std::string dtype;           ///< of the stored tensor, as name_of() says it
  std::optional<Ranges> slice; ///< what the file holds of the tensor
  std::optional<Shape> shape;  ///< of the whole tensor
};

struct Manifest {
  Json run = Json::object(); ///< the run's facts: prompt, sizes, steps, …
  std::string framework, device, compute_dtype;
  Json seed = nullptr;
  std::string partial; ///< why the run that wrote it ended early; empty when it did not
  std::vector<ManifestEntry> checkpoints; ///< in execution order
};

/// Reads manifest.json (schema 1); fields it does not know are left alone. Throws Error.
Manifest read_manifest(const std::filesystem::path& path);

/// Throws Error when the file cannot be written.
void write_manifest(const std::filesystem::path& path, const Manifest& manifest);

} // namespace mflux::artifacts
