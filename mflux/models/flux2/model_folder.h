#pragma once

#include <filesystem>

#include "mflux/models/flux2/call_defaults.h"
#include "mflux/schedulers/flow_match_euler.h"
#include "mflux/vae/flux2/config.h"

namespace mflux::flux2 {

/// A Flux2KleinPipeline in diffusers' layout: what its small files say.
struct ModelFolder {
  std::filesystem::path path;
  bool is_distilled = false;
  CallDefaults call{};
  FlowMatchEulerConfig scheduler{};
  VaeConfig vae{};

  /// Pixels along a side of one token.
  int pixels_per_token() const {
    return kPatch * vae.scale();
  }

  /// Channels of a token.
  int token_channels() const {
    return kPatch * kPatch * vae.latent_channels;
  }
};

/// Throws Error, naming the file, for another pipeline's folder, other component classes and
/// configs that this port does not implement.
ModelFolder read_model_folder(const std::filesystem::path& path);

} // namespace mflux::flux2
