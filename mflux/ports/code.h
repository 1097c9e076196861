#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace mflux::ports {

/// The sources that a result covers: `roots` (paths below `checkout`), all that they include of
/// mflux/{nn,weights,encoders,vae,schedulers,tokenizers,pipelines,models}, directly or not, and the
/// .cpp beside each header. What lies below those folders (reading and writing of files, capture)
/// is no code of a model. Sorted, relative to `checkout`. Throws Error when a root does not exist.
std::set<std::string> covered_code(
    const std::filesystem::path& checkout, const std::vector<std::string>& roots);

/// 16 hexadecimal digits of the files' names and lines. Lines count without surrounding white
/// space; empty ones and those that are comments do not count. Throws Error for one that cannot be
/// read.
std::string hash_of(const std::filesystem::path& checkout, const std::set<std::string>& files);

} // namespace mflux::ports
