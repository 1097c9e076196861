#include "mflux/capture/inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "mflux/base/error.h"
#include "mflux/base/nearest.h"

namespace mflux::capture {
namespace {

/// A manifest may only name files beside itself.
bool is_plain(const std::filesystem::path& file) {
  return !file.empty() && file.is_relative() &&
         std::none_of(file.begin(), file.end(), [](const auto& part) { return part == ".."; });
}

bool is_artifact(const std::filesystem::path& file) {
  const auto extension = file.extension();
  return extension == ".npy" || extension == ".npz" || extension == ".safetensors";
}

} // namespace

Inputs::Inputs(std::filesystem::path path) : path_(std::move(path)) {
  if (!std::filesystem::exists(path_)) {
    throw Error(fmt::format("{} does not exist", path_.string()));
  }
  if (!std::filesystem::is_directory(path_)) {
    add_file(path_);
    return;
  }
  const auto manifest = path_ / "manifest.json";
  if (std::filesystem::exists(manifest)) {
    add_manifest(read_json(manifest), manifest.string());
    return;
  }
  for (const auto& file : std::filesystem::directory_iterator(path_)) {
    if (is_artifact(file.path())) {
      add_file(file.path());
    }
  }
  if (places_.empty()) {
    throw Error(fmt::format(
        "{} holds no dump, expected a manifest.json or .npy, .npz or .safetensors files",
        path_.string()));
  }
}

std::shared_ptr<artifacts::Artifact> Inputs::open(const std::filesystem::path& file) {
  auto& artifact = open_[file.string()];
  if (!artifact) {
    artifact = artifacts::open_artifact(file);
  }
  return artifact;
}

void Inputs::add_file(const std::filesystem::path& file) {
  const auto artifact = open(file);
  for (size_t i = 0; i < artifact->tensors().size(); ++i) {
    const auto& name = artifact->tensors()[i].name;
    if (!places_.emplace(name, Place{artifact, i, false}).second) {
      throw Error(fmt::format("{}: {} is in several files", path_.string(), name));
    }
  }
}

void Inputs::add_manifest(const Json& manifest, const std::string& where) {
  JsonReader reader(manifest, where);
  if (reader.has("run")) {
    run_ = manifest["run"];
    JsonReader(run_, where + ": run");
  }
  if (!reader.has("checkpoints") || !manifest["checkpoints"].is_array()) {
    throw Error(fmt::format("{}: expected a list of checkpoints", where));
  }
  for (const auto& checkpoint : manifest["checkpoints"]) {
    JsonReader entry(checkpoint, where + ": checkpoints");
    const auto name = entry.require<std::string>("name");
    const auto file = entry.require<std::string>("file");
    const auto key = entry.get<std::string>("key", name);
    if (!is_plain(file)) {
      throw Error(fmt::format("{}: {} lies outside the dump", where, file));
    }
    const auto artifact = open(path_ / file);
    const auto& tensors = artifact->tensors();
    const auto found = std::find_if(
        tensors.begin(), tensors.end(), [&](const auto& info) { return info.name == key; });
    if (found == tensors.end()) {
      throw Error(fmt::format("{}: {} has no tensor {}", where, file, key));
    }
    const auto index = static_cast<size_t>(found - tensors.begin());
    places_.insert_or_assign(name, Place{artifact, index, entry.has("slice")});
  }
}

artifacts::Tensor Inputs::require(const std::vector<std::string>& names) const {
  for (const auto& name : names) {
    const auto found = places_.find(name);
    if (found == places_.end()) {
      continue;
    }
    if (found->second.is_crop) {
      throw Error(fmt::format("{}: {} is only a crop (slice) of it", path_.string(), name));
    }
    return with_context(
        path_.string(), [&] { return found->second.artifact->load(found->second.index); });
  }
  if (places_.size() == 1 && path_.extension() == ".npy") {
    return places_.begin()->second.artifact->load(0);
  }
  std::vector<std::string> all;
  for (const auto& [name, place] : places_) {
    all.push_back(name);
  }
  const auto near = nearest(names.front(), all);
  throw Error(fmt::format(
      "{} has no {} among its {} tensors{}",
      path_.string(),
      fmt::join(names, " or "),
      all.size(),
      near.empty() ? "" : fmt::format("; the nearest is {}", near)));
}

std::optional<std::string> Inputs::last_step(const std::string& prefix) const {
  const std::string start = prefix + "@step=";
  std::optional<std::string> last;
  int highest = -1;
  for (const auto& [name, place] : places_) {
    if (!name.starts_with(start)) {
      continue;
    }
    int step = 0;
    const char* end = name.data() + name.size();
    const auto [stop, code] = std::from_chars(name.data() + start.size(), end, step);
    if (code == std::errc{} && stop == end && step > highest) {
      highest = step;
      last = name;
    }
  }
  return last;
}

} // namespace mflux::capture
