#include "mflux/models/flux2/model_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/base/log.h"

namespace mflux::flux2 {
namespace {

constexpr const char* kClass = "Flux2KleinPipeline";

/// A component's entry in model_index.json: [library, class].
void check_component(
    JsonReader& reader,
    const std::string& name,
    const std::vector<std::string>& classes,
    const std::string& where) {
  const auto entry = reader.require<std::vector<std::string>>(name);
  const bool is_known =
      entry.size() == 2 && std::find(classes.begin(), classes.end(), entry[1]) != classes.end();
  if (!is_known) {
    throw Error(fmt::format(
        "{}: the {} is [{}], expected a {}",
        where,
        name,
        printable(fmt::format("{}", fmt::join(entry, ", "))),
        fmt::join(classes, " or ")));
  }
}

bool read_index(const std::filesystem::path& file) {
  const Json json = read_json(file);
  JsonReader reader(json, file.string());
  const auto name = reader.require<std::string>("_class_name");
  if (name != kClass) {
    throw Error(
        fmt::format("{}: this is a {}, expected a {}", file.string(), printable(name), kClass));
  }
  check_component(reader, "scheduler", {"FlowMatchEulerDiscreteScheduler"}, file.string());
  check_component(reader, "text_encoder", {"Qwen3ForCausalLM", "Qwen3Model"}, file.string());
  check_component(reader, "tokenizer", {"Qwen2Tokenizer", "Qwen2TokenizerFast"}, file.string());
  check_component(reader, "transformer", {"Flux2Transformer2DModel"}, file.string());
  check_component(reader, "vae", {"AutoencoderKLFlux2"}, file.string());
  const bool is_distilled = reader.get("is_distilled", false);
  if (const auto unknown = reader.unknown_keys(); !unknown.empty()) {
    log(LogLevel::warning,
        printable(fmt::format("{}: unknown keys {}", file.string(), fmt::join(unknown, ", "))));
  }
  return is_distilled;
}

} // namespace

ModelFolder read_model_folder(const std::filesystem::path& path) {
  ModelFolder folder{.path = path, .is_distilled = read_index(path / "model_index.json")};
  folder.call = read_call_defaults(path, folder.is_distilled);
  const auto scheduler = path / "scheduler" / "scheduler_config.json";
  folder.scheduler = parse_flow_match_euler_config(read_json(scheduler), scheduler.string());
  const auto vae = path / "vae" / "config.json";
  folder.vae = parse_vae_config(read_json(vae), vae.string());
  return folder;
}

} // namespace mflux::flux2
