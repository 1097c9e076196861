#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "mflux/models/port.h"
#include "mflux/pipelines/pipeline.h"

namespace mflux::models {

/// Every port of this library.
const std::vector<Port>& ports();

/// The port, or component of it, of that name. Throws Error that names the nearest.
const Port& find_port(const std::string& name);
const Component& find_component(const Port& port, const std::string& name);

/// The pipeline in a folder of diffusers' layout; the family is told by model_index.json. Reads
/// configs and headers; weights will be `dtype`. Throws Error.
std::unique_ptr<pipelines::Pipeline> open_pipeline(
    const std::filesystem::path& folder, mx::Dtype dtype);

} // namespace mflux::models
