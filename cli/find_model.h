#pragma once

#include <filesystem>
#include <string>

namespace mflux::cli {

/// The folder of a model: `name` itself when it is a folder, else a bundled model of that name
/// ("emoji") under share/mflux/models of the installation or models/ of the checkout that the
/// binary was built in. Throws Error listing where it looked.
std::filesystem::path find_model(const std::string& name);

} // namespace mflux::cli
