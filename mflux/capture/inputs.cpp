#include "mflux/capture/inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "mflux/artifacts/manifest.h"
#include "mflux/base/error.h"
#include "mflux/base/log.h"
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

const std::string& key_of(const artifacts::ManifestEntry& entry) {
  return entry.key.empty() ? entry.name : entry.key;
}

/// The reference puts a step into the name or beside it.
std::string full_name(const artifacts::ManifestEntry& entry) {
  const bool is_said = !entry.step || entry.name.find("@step=") != std::string::npos;
  return is_said ? entry.name : fmt::format("{}@step={}", entry.name, *entry.step);
}

std::optional<size_t> index_of(
    const artifacts::ManifestEntry& entry, const std::vector<artifacts::TensorInfo>& tensors) {
  if (entry.key.empty() && tensors.size() == 1) {
    return 0;
  }
  const auto found = std::find_if(
      tensors.begin(), tensors.end(), [&](const auto& info) { return info.name == key_of(entry); });
  if (found == tensors.end()) {
    return std::nullopt;
  }
  return static_cast<size_t>(found - tensors.begin());
}

/// K of "PREFIX@step=K".
std::optional<int> step_of(const std::string& name, const std::string& prefix) {
  const std::string start = prefix + "@step=";
  if (!name.starts_with(start) || name.size() == start.size() || name[start.size()] == '0') {
    return std::nullopt;
  }
  int step = 0;
  const char* end = name.data() + name.size();
  const auto [stop, code] = std::from_chars(name.data() + start.size(), end, step);
  const bool is_step = code == std::errc{} && stop == end && step >= 1;
  return is_step ? std::optional(step) : std::nullopt;
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
  const auto manifest = path_ / artifacts::kManifest;
  if (std::filesystem::exists(manifest)) {
    add_manifest(manifest);
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
    if (!places_.emplace(name, Place{artifact, i, false, file}).second) {
      throw Error(fmt::format("{}: {} is in several files", path_.string(), name));
    }
  }
}

void Inputs::add_manifest(const std::filesystem::path& path) {
  auto manifest = artifacts::read_manifest(path);
  run_ = std::move(manifest.run);
  if (!manifest.partial.empty()) {
    log(LogLevel::warning,
        fmt::format(
            "{}: the run that wrote this dump ended early: {}", path.string(), manifest.partial));
  }
  for (const auto& entry : manifest.checkpoints) {
    if (!is_plain(entry.file)) {
      throw Error(fmt::format("{}: {} lies outside the dump", path.string(), entry.file));
    }
    const auto artifact = open(path_ / entry.file);
    const auto index = index_of(entry, artifact->tensors());
    if (!index) {
      throw Error(fmt::format("{}: {} has no tensor {}", path.string(), entry.file, key_of(entry)));
    }
    const auto name = full_name(entry);
    const Place place{artifact, *index, entry.slice.has_value(), path_ / entry.file};
    if (!places_.emplace(name, place).second) {
      throw Error(fmt::format("{}: {} is listed twice", path.string(), name));
    }
  }
}

Inputs::Entry Inputs::entry_of(const std::vector<std::string>& names) const {
  for (const auto& name : names) {
    const auto found = places_.find(name);
    if (found == places_.end()) {
      continue;
    }
    if (found->second.is_crop) {
      throw Error(fmt::format("{}: {} is only a crop (slice) of it", path_.string(), name));
    }
    return {name, &found->second};
  }
  if (places_.size() == 1 && path_.extension() == ".npy") {
    return {names.front(), &places_.begin()->second};
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

Found Inputs::find(const std::vector<std::string>& names) const {
  const auto [name, place] = entry_of(names);
  const auto& info = place->artifact->tensors()[place->index];
  return {name, place->file, info.dtype, info.shape};
}

artifacts::Tensor Inputs::require(const std::vector<std::string>& names) const {
  const Entry entry = entry_of(names);
  return with_context(
      entry.place->file.string(), [&] { return entry.place->artifact->load(entry.place->index); });
}

std::vector<int> Inputs::steps(const std::string& prefix) const {
  std::vector<int> steps;
  for (const auto& [name, place] : places_) {
    if (const auto step = step_of(name, prefix)) {
      steps.push_back(*step);
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::optional<std::string> Inputs::last_step(const std::string& prefix) const {
  const auto all = steps(prefix);
  return all.empty() ? std::nullopt : std::optional(fmt::format("{}@step={}", prefix, all.back()));
}

} // namespace mflux::capture
