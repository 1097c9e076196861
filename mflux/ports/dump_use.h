#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace mflux::ports {

/// Where a model's code reads tensors from somewhere else than its checkpoint: "FILE:LINE: why".
/// `code` is covered_code(). A component runner (models/…/port.*, models/…/port_*) may read a dump,
/// that is its work; a model that does is a port whose traces of debugging were left in.
std::vector<std::string> dump_uses(
    const std::filesystem::path& checkout, const std::set<std::string>& code);

} // namespace mflux::ports
