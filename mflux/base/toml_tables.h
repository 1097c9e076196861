#pragma once

#include <toml++/toml.h>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mflux {

/// Calls `visit` for every [[name]] table of a TOML file, in order. Each must hold all
/// of `keys` and may hold `optional` ones.
/// Throws Error with the file and the table's line.
void for_each_table(
    const std::filesystem::path& path,
    std::string_view name,
    const std::vector<std::string_view>& keys,
    const std::function<void(const toml::table&)>& visit,
    const std::vector<std::string_view>& optional = {});

/// A string that is not empty. Throws Error otherwise.
std::string text_of(const toml::table& table, std::string_view key);

} // namespace mflux
