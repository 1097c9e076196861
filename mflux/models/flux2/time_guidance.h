#pragma once

#include <optional>

#include "mflux/nn/timestep_embedding.h"

namespace mflux::flux2 {

/// Time step and guidance scale, both · 1000 and [batch], as one vector [batch, dim]. A guidance
/// that is absent, or that the model does not know, adds nothing.
/// Reference: diffusers Flux2TimestepGuidanceEmbeddings.
struct TimestepGuidanceEmbeddings : nn::Module {
  TimestepGuidanceEmbeddings(Scope here, int in_channels, int width, bool with_guidance)
      : Module(std::move(here)), in(in_channels), dim(width), guidance_embeds(with_guidance) {}

  mx::array operator()(const mx::array& timestep, const std::optional<mx::array>& guidance) const;

  int in, dim;
  bool guidance_embeds;
  nn::Timesteps time_proj{at("time_proj"), in};
  nn::TimestepEmbedding timestep_embedder{at("timestep_embedder"), in, dim};
  std::optional<nn::TimestepEmbedding> guidance_embedder =
      nn::when<nn::TimestepEmbedding>(guidance_embeds, at("guidance_embedder"), in, dim);
};

} // namespace mflux::flux2
