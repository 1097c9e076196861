#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace mflux::cli {

/// Splits FILE[#NAME]; what exists as it stands has no name.
std::pair<std::filesystem::path, std::optional<std::string>> split_name(const std::string& text);

} // namespace mflux::cli
