#include "mflux/models/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/base/nearest.h"
#include "mflux/models/flux2/pipeline.h"
#include "mflux/models/flux2/port.h"
#include "mflux/models/z_image/port.h"

namespace mflux::models {
namespace {

template <typename Named>
const Named& find(const std::vector<Named>& all, const std::string& name, const char* what) {
  std::vector<std::string> names;
  for (const auto& one : all) {
    if (one.name == name) {
      return one;
    }
    names.emplace_back(one.name);
  }
  const auto near = nearest(name, names);
  throw Error(fmt::format(
      "no {} is called \"{}\"{}; there are {}",
      what,
      name,
      near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
      fmt::join(names, ", ")));
}

/// A pipeline class of diffusers, and what opens its folders here.
struct Family {
  std::string_view class_name;
  std::unique_ptr<pipelines::Pipeline> (*open)(const std::filesystem::path&, mx::Dtype);
};

template <typename Pipeline>
std::unique_ptr<pipelines::Pipeline> open(const std::filesystem::path& folder, mx::Dtype dtype) {
  return std::make_unique<Pipeline>(folder, dtype);
}

constexpr std::array kFamilies{
    Family{.class_name = "Flux2KleinPipeline", .open = open<flux2::Flux2KleinPipeline>},
};

} // namespace

const std::vector<Port>& ports() {
  static const std::vector<Port> all{flux2::klein_port(), z_image::z_image_port()};
  return all;
}

const Port& find_port(const std::string& name) {
  return find(ports(), name, "model");
}

const Component& find_component(const Port& port, const std::string& name) {
  return find(port.components, name, "component");
}

std::unique_ptr<pipelines::Pipeline> open_pipeline(
    const std::filesystem::path& folder, mx::Dtype dtype) {
  const auto file = folder / "model_index.json";
  if (!std::filesystem::exists(file)) {
    throw Error(printable(fmt::format(
        "{} holds no model_index.json, expected a model folder in diffusers' layout",
        folder.string())));
  }
  const Json json = read_json(file);
  const auto name = JsonReader(json, file.string()).require<std::string>("_class_name");
  std::vector<std::string_view> known;
  for (const auto& family : kFamilies) {
    if (family.class_name == name) {
      return family.open(folder, dtype);
    }
    known.push_back(family.class_name);
  }
  throw Error(fmt::format(
      "{}: this is a {}, but only {} is implemented",
      file.string(),
      printable(name),
      fmt::join(known, ", ")));
}

} // namespace mflux::models
