#include "mflux/ports/port_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "mflux/base/error.h"
#include "mflux/base/toml_tables.h"

namespace mflux::ports {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> list_of(const toml::table& table, std::string_view key) {
  const auto* array = table[key].as_array();
  if (!array) {
    throw Error(fmt::format("{} must be a list of texts", key));
  }
  std::vector<std::string> all;
  for (const auto& element : *array) {
    const auto text = element.value<std::string>();
    if (!text || text->empty()) {
      throw Error(fmt::format("{} must be a list of texts that are not empty", key));
    }
    all.push_back(*text);
  }
  return all;
}

double positive(const toml::table& table, std::string_view key) {
  const auto value = table[key].value<double>();
  if (!value || !std::isfinite(*value) || *value <= 0) {
    throw Error(fmt::format("{} must be a number above 0", key));
  }
  return *value;
}

Targets targets_of(const toml::table& table) {
  Targets targets;
  if (table.contains("speed_ms") != table.contains("speed_of")) {
    throw Error("speed_ms and speed_of belong together: a time and what takes it");
  }
  if (table.contains("speed_ms")) {
    targets.milliseconds = positive(table, "speed_ms");
    targets.speed_of = text_of(table, "speed_of");
  }
  if (table.contains("peak_ratio")) {
    targets.peak_ratio = positive(table, "peak_ratio");
  }
  return targets;
}

/// Also the name of the file of its results.
std::string name_of(const toml::table& table) {
  const auto name = text_of(table, "name");
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (!std::all_of(name.begin(), name.end(), is_plain)) {
    throw Error(fmt::format("name is \"{}\", expected a-z, 0-9 and _", name));
  }
  return name;
}

ComponentFile component_of(const toml::table& table) {
  return {
      .name = name_of(table),
      .reference = text_of(table, "reference"),
      .config = text_of(table, "config"),
      .code = list_of(table, "code"),
      .checkpoints = list_of(table, "checkpoints"),
      .tests = list_of(table, "tests"),
      .parity = text_of(table, "parity"),
      .tolerance = positive(table, "tolerance"),
      .targets = targets_of(table)};
}

} // namespace

PortFile read_port_file(const fs::path& checkout, const fs::path& folder) {
  const auto file = checkout / folder / "port.toml";
  PortFile port{.folder = folder, .name = {}, .reference = {}, .version = {}, .components = {}};
  for_each_table(file, "port", {"name", "reference", "version"}, [&](const toml::table& table) {
    if (!port.name.empty()) {
      throw Error("a second [[port]]; expected one");
    }
    port.name = text_of(table, "name");
    port.reference = text_of(table, "reference");
    port.version = text_of(table, "version");
  });
  std::set<std::string> names;
  for_each_table(
      file,
      "component",
      {"name", "reference", "config", "code", "checkpoints", "tests", "parity", "tolerance"},
      [&](const toml::table& table) {
        port.components.push_back(component_of(table));
        if (!names.insert(port.components.back().name).second) {
          throw Error(fmt::format("a second component \"{}\"", port.components.back().name));
        }
      },
      {"speed_ms", "speed_of", "peak_ratio"});
  return port;
}

std::vector<PortFile> read_port_files(const fs::path& checkout) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(checkout / "mflux/models")) {
    if (fs::is_regular_file(entry.path() / "port.toml")) {
      folders.push_back(fs::relative(entry.path(), checkout));
    }
  }
  std::sort(folders.begin(), folders.end());
  std::vector<PortFile> all;
  for (const auto& folder : folders) {
    all.push_back(read_port_file(checkout, folder));
  }
  return all;
}

} // namespace mflux::ports
