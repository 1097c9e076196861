#include "mflux/weights/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/weights/weights.h"

namespace mflux {
namespace {

namespace fs = std::filesystem;

/// The weight_map of an index that open_artifact() has checked.
std::map<std::string, std::string> shards_of(const fs::path& file) {
  std::map<std::string, std::string> shards;
  if (file.extension() == ".json") {
    const Json index = read_json(file);
    for (const auto& [tensor, shard] : index.at("weight_map").items()) {
      shards.emplace(tensor, shard.get<std::string>());
    }
  }
  return shards;
}

} // namespace

std::string Checkpoint::full_name(const std::string& tensor) const {
  return component.empty() ? tensor : fmt::format("{}: {}", component, tensor);
}

Checkpoint open_checkpoint(const std::string& component, const fs::path& file) {
  return with_context(file.string(), [&] {
    return Checkpoint{component, file, artifacts::open_artifact(file), shards_of(file)};
  });
}

std::vector<Checkpoint> open_checkpoints(const fs::path& path) {
  if (!fs::exists(path)) {
    throw Error(fmt::format("{} does not exist", path.string()));
  }
  std::vector<Checkpoint> out;
  if (!fs::is_directory(path)) {
    out.push_back(open_checkpoint("", path));
    return out;
  }
  if (holds_weights(path)) {
    out.push_back(open_checkpoint("", weights_file(path)));
    return out;
  }
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_directory() && holds_weights(entry.path())) {
      folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  for (const auto& folder : folders) {
    out.push_back(open_checkpoint(folder.filename().string(), weights_file(folder)));
  }
  if (out.empty()) {
    throw Error(fmt::format(
        "{} holds no weights, expected a model's folder, a component's or a .safetensors file",
        path.string()));
  }
  return out;
}

} // namespace mflux
