#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mflux::cli {

/// The file name that a prompt suggests: "A red apple!" gives "A_red_apple.png", a prompt without
/// letters and digits "picture.png".
std::string file_name_for(const std::string& prompt);

/// `path` with "_seed_N" before its extension.
std::filesystem::path with_seed(const std::filesystem::path& path, uint64_t seed);

/// `path`, or `path` with "_1", "_2", … before its extension: the first that nothing lies under,
/// nor under its name with another of `extensions` (".json").
std::filesystem::path free_path(
    const std::filesystem::path& path, const std::vector<std::string>& extensions = {});

/// Writes `bytes` to the first of free_path()'s names that is still free then; returns it. Throws
/// Error.
std::filesystem::path write_new_file(
    const std::filesystem::path& path,
    const std::string& bytes,
    const std::vector<std::string>& extensions = {});

/// Throws Error, before anything is computed, unless a file of `bytes` bytes could be written
/// under `path`: it is a folder, its folder is missing, read-only or on a full disk. Leaves nothing
/// behind.
void check_can_write(const std::filesystem::path& path, uint64_t bytes);

/// The same for a folder, which may be there, or be made with those it lies in.
void check_can_make_folder(const std::filesystem::path& path);

} // namespace mflux::cli
