#include "mflux/parity/dumps/manifest.h"

#include <fmt/format.h>

#include "mflux/base/error.h"

namespace mflux::parity {
namespace {

int64_t extent(const Json& value, const std::string& what) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t{1} << 48) {
    throw Error(fmt::format("{} holds {}, expected a size", what, value.dump()));
  }
  return value.get<int64_t>();
}

std::optional<Ranges> slice_of(const Json& entry) {
  const auto found = entry.find("slice");
  if (found == entry.end() || found->is_null()) {
    return std::nullopt;
  }
  if (!found->is_array()) {
    throw Error("slice must be a list of [begin, end]");
  }
  Ranges ranges;
  for (const auto& range : *found) {
    if (!range.is_array() || range.size() != 2) {
      throw Error("slice must be a list of [begin, end]");
    }
    ranges.emplace_back(extent(range[0], "slice"), extent(range[1], "slice"));
    if (ranges.back().first > ranges.back().second) {
      throw Error(fmt::format("slice {} ends before it begins", range.dump()));
    }
  }
  return ranges;
}

std::optional<artifacts::Shape> shape_of(const Json& entry) {
  const auto found = entry.find("shape");
  if (found == entry.end() || found->is_null()) {
    return std::nullopt;
  }
  if (!found->is_array()) {
    throw Error("shape must be a list of sizes");
  }
  artifacts::Shape shape;
  for (const auto& size : *found) {
    shape.push_back(extent(size, "shape"));
  }
  return shape;
}

ManifestEntry read_entry(const Json& object, const std::string& where) {
  JsonReader reader(object, where);
  ManifestEntry entry;
  entry.name = reader.require<std::string>("name");
  entry.file = reader.require<std::string>("file");
  entry.key = reader.maybe<std::string>("key").value_or("");
  entry.module_class = reader.maybe<std::string>("class").value_or("");
  entry.role = reader.maybe<std::string>("role").value_or("");
  entry.step = reader.maybe<int>("step");
  if (entry.name.empty()) {
    throw Error(where + ": name is empty");
  }
  with_context(fmt::format("{} ({})", where, entry.name), [&] {
    entry.slice = slice_of(object);
    entry.shape = shape_of(object);
  });
  return entry;
}

} // namespace

Manifest read_manifest(const std::filesystem::path& path) {
  const Json json = read_json(path);
  return with_context(path.string(), [&] {
    JsonReader reader(json, "manifest");
    if (const int schema = reader.require<int>("schema"); schema != 1) {
      throw Error(fmt::format("schema is {}, this version reads schema 1", schema));
    }
    Manifest manifest;
    if (json.contains("run") && json["run"].is_object()) {
      manifest.run = json["run"];
    }
    manifest.framework = reader.maybe<std::string>("framework").value_or("");
    if (reader.get("partial", false)) {
      manifest.partial = reader.maybe<std::string>("error").value_or("no reason given");
    }
    const auto list = json.find("checkpoints");
    if (list == json.end() || !list->is_array()) {
      throw Error("\"checkpoints\" must be a list");
    }
    for (const auto& object : *list) {
      manifest.checkpoints.push_back(
          read_entry(object, fmt::format("checkpoints[{}]", manifest.checkpoints.size())));
    }
    return manifest;
  });
}

} // namespace mflux::parity
