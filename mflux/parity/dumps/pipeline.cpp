#include "mflux/parity/dumps/pipeline.h"

#include <array>

#include "mflux/artifacts/picture.h"

namespace mflux::parity {
namespace {

struct Known {
  std::string_view name;
  PipelinePlace place;
  std::string_view made_from; ///< separated by spaces
};

constexpr std::string_view kLatentsBefore = "latents-1 latents_packed latents_initial";

/// A file that the run saved, whatever it is called.
constexpr Known kPicture{{}, {6, 6}, "image images decoded vae.decode"};

constexpr std::array<Known, 33> kKnown = {{
    {"input_ids", {0, 0}, ""},
    {"attention_mask", {0, 1}, ""},
    {"text_encoder", {1, 0}, "input_ids attention_mask"},
    {"text_encoder_2", {1, 1}, ""},
    {"prompt_embeds", {2, 0}, "text_encoder input_ids attention_mask"},
    {"negative_prompt_embeds", {2, 1}, ""},
    {"pooled_prompt_embeds", {2, 2}, "text_encoder input_ids"},
    {"image_encoder", {2, 3}, ""},
    {"vae.encode", {3, 0}, ""},
    {"latents_patchified", {3, 1}, "vae.encode"},
    {"latents_normalised", {3, 2}, "latents_patchified vae.encode"},
    {"latents_initial", {4, 0}, ""},
    {"latents_packed", {4, 1}, "latents_initial latents_normalised"},
    {"scheduler", {4, 2}, ""},
    {"sigmas", {4, 3}, "scheduler"},
    {"timesteps", {4, 4}, "scheduler sigmas"},
    {"timestep", {kLoopPhase, 0}, "timesteps sigmas"},
    {"latent_model_input", {kLoopPhase, 1}, kLatentsBefore},
    {"transformer", {kLoopPhase, 3}, "timestep prompt_embeds latent_model_input latents-1"},
    {"unet", {kLoopPhase, 3}, "timestep prompt_embeds latent_model_input latents-1"},
    {"noise_pred_cond", {kLoopPhase, 4}, "transformer unet timestep prompt_embeds latents-1"},
    {"noise_pred_uncond", {kLoopPhase, 5}, "transformer unet timestep latents-1"},
    {"noise_pred",
     {kLoopPhase, 6},
     "noise_pred_cond noise_pred_uncond transformer unet timestep prompt_embeds latents-1"},
    {"latents", {kLoopPhase, 7}, "noise_pred latents-1 sigmas timesteps"},
    {"latents_unpacked", {6, 0}, "latents latents_packed"},
    {"latents_scaled", {6, 1}, "latents_unpacked latents"},
    {"latents_unpatchified", {6, 2}, "latents_scaled latents_unpacked"},
    {"vae.decode", {6, 3}, "latents_unpatchified latents_scaled latents_unpacked latents"},
    {"vae", {6, 3}, ""},
    {"decoded", {6, 4}, "vae.decode latents_unpatchified latents_scaled latents"},
    {"image", {6, 5}, "decoded vae.decode"},
    {"images", {6, 5}, "decoded vae.decode"},
    {"mask", {0, 2}, ""},
}};

const Known* find(std::string_view name) {
  for (const auto& known : kKnown) {
    if (known.name == name) {
      return &known;
    }
  }
  return artifacts::has_picture_name(name) ? &kPicture : nullptr;
}

} // namespace

PipelinePlace place_of(std::string_view name) {
  const Known* known = find(name);
  return known ? known->place : PipelinePlace{kLoopPhase, 2};
}

std::vector<std::string> made_from(std::string_view name) {
  const Known* known = find(name);
  std::vector<std::string> names;
  std::string_view rest = known ? known->made_from : std::string_view();
  while (!rest.empty()) {
    const size_t end = rest.find(' ');
    names.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return names;
}

} // namespace mflux::parity
