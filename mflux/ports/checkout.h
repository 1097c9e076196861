#pragma once

#include <filesystem>

namespace mflux::ports {

/// The root of the checkout of mflux.cpp that `start` lies in: the innermost folder, `start` or one
/// above it, with mflux/models and CMakeLists.txt. Throws Error when there is none.
std::filesystem::path find_checkout(const std::filesystem::path& start);

} // namespace mflux::ports
