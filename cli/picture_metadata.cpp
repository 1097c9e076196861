#include "cli/picture_metadata.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/generate_inputs.h"
#include "cli/split_name.h"

namespace mflux::cli {
namespace {

/// Any bytes may be in a path.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string without_nul(std::string text) {
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

/// The form that AUTOMATIC1111's web interface began and galleries read.
std::string parameters_line(const Json& metadata) {
  std::string text = metadata["prompt"].get<std::string>() + "\n";
  if (metadata["negative_prompt"].is_string()) {
    text += fmt::format("Negative prompt: {}\n", metadata["negative_prompt"].get<std::string>());
  }
  text += fmt::format(
      "Steps: {}, Sampler: Euler, Schedule type: flow match, CFG scale: {:g}, ",
      dump(metadata["steps"]),
      metadata["guidance"].get<double>());
  if (metadata["seed"].is_number()) {
    text += fmt::format("Seed: {}, ", dump(metadata["seed"]));
  }
  text += fmt::format(
      "Size: {}x{}, Model: {}, Version: mflux {}",
      dump(metadata["width"]),
      dump(metadata["height"]),
      metadata["model"].get<std::string>(),
      MFLUX_VERSION);
  return without_nul(text);
}

} // namespace

Json metadata_of(
    const GenerateFlags& flags,
    const pipelines::Request& request,
    const pipelines::Plan& plan,
    const Resolved& resolved) {
  Json metadata{
      {"schema", 1},
      {"mflux", MFLUX_VERSION},
      {"model", resolved.model},
      {"prompt", request.prompt},
      {"negative_prompt", request.negative_prompt ? Json(*request.negative_prompt) : Json(nullptr)},
      {"seed", nullptr},
      {"width", plan.width},
      {"height", plan.height},
      {"steps", plan.steps},
      {"guidance", plan.guidance},
      {"scheduler", "flow-match-euler"},
      {"sigmas", plan.sigmas},
      {"max_sequence_length", plan.max_sequence_length},
      {"dtype", resolved.dtype},
      {"device", resolved.device}};
  if (request.start) {
    metadata["image"] = split_strength(flags.image).first.filename().string();
    metadata["strength"] = request.start->strength;
  }
  if (!flags.references.empty()) {
    Json names = Json::array();
    for (const auto& path : flags.references) {
      names.push_back(path.filename().string());
    }
    metadata["references"] = names;
  }
  if (request.latents) {
    const auto [file, name] = split_name(flags.latents);
    metadata["latents"] = file.filename().string() + (name ? "#" + *name : "");
  }
  for (const auto& injected : parse_injections(flags.capture)) {
    metadata["inject"].push_back(fmt::format(
        "{}={}#{}", injected.checkpoint, injected.file.filename().string(), injected.name));
  }
  return metadata;
}

PngTexts texts_of(const Json& metadata) {
  return {{kMetadataKey, dump(metadata)}, {"parameters", parameters_line(metadata)}};
}

} // namespace mflux::cli
