#include "mflux/artifacts/manifest.h"

#include <fmt/format.h>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

constexpr int kSchema = 1;

std::string text_of(JsonReader& reader, std::string_view key) {
  return reader.maybe<std::string>(key).value_or("");
}

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

std::optional<Shape> shape_of(const Json& entry) {
  const auto found = entry.find("shape");
  if (found == entry.end() || found->is_null()) {
    return std::nullopt;
  }
  if (!found->is_array()) {
    throw Error("shape must be a list of sizes");
  }
  Shape shape;
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
  entry.key = text_of(reader, "key");
  entry.module_class = text_of(reader, "class");
  entry.role = text_of(reader, "role");
  entry.step = reader.maybe<int>("step");
  entry.dtype = text_of(reader, "dtype");
  if (entry.name.empty()) {
    throw Error(where + ": name is empty");
  }
  if (const auto& role = entry.role;
      !role.empty() && role != "in" && role != "out" && role != "weight") {
    throw Error(fmt::format(
        "{} ({}): role is \"{}\", expected in, out or weight", where, entry.name, role));
  }
  with_context(fmt::format("{} ({})", where, entry.name), [&] {
    entry.slice = slice_of(object);
    entry.shape = shape_of(object);
  });
  return entry;
}

Json run_of(const Json& manifest) {
  const auto run = manifest.find("run");
  if (run == manifest.end() || run->is_null()) {
    return Json::object();
  }
  JsonReader(*run, "run");
  return *run;
}

/// Fields that are not known are left out.
Json to_json(const ManifestEntry& entry) {
  Json out{{"name", entry.name}, {"file", entry.file}};
  const auto add_text = [&](const char* key, const std::string& text) {
    if (!text.empty()) {
      out[key] = text;
    }
  };
  add_text("key", entry.key);
  add_text("class", entry.module_class);
  out["step"] = entry.step ? Json(*entry.step) : Json(nullptr);
  add_text("role", entry.role);
  if (entry.shape) {
    out["shape"] = *entry.shape;
  }
  if (entry.slice) {
    out["slice"] = *entry.slice;
  }
  add_text("dtype", entry.dtype);
  return out;
}

} // namespace

Manifest read_manifest(const std::filesystem::path& path) {
  const Json json = read_json(path);
  return with_context(path.string(), [&] {
    JsonReader reader(json, "manifest");
    if (const int schema = reader.require<int>("schema"); schema != kSchema) {
      throw Error(fmt::format("schema is {}, this version reads schema {}", schema, kSchema));
    }
    Manifest manifest;
    manifest.run = run_of(json);
    manifest.framework = text_of(reader, "framework");
    manifest.device = text_of(reader, "device");
    manifest.compute_dtype = text_of(reader, "compute_dtype");
    manifest.seed = json.value("seed", Json(nullptr));
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

void write_manifest(const std::filesystem::path& path, const Manifest& manifest) {
  Json out{
      {"schema", kSchema},
      {"run", manifest.run},
      {"framework", manifest.framework},
      {"device", manifest.device},
      {"compute_dtype", manifest.compute_dtype},
      {"seed", manifest.seed}};
  if (!manifest.partial.empty()) {
    out["partial"] = true;
    out["error"] = manifest.partial;
  }
  auto& checkpoints = out["checkpoints"] = Json::array();
  for (const auto& entry : manifest.checkpoints) {
    checkpoints.push_back(to_json(entry));
  }
  write_file(path, out.dump(1) + "\n");
}

} // namespace mflux::artifacts
