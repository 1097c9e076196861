#pragma once

#include <string>

#include "mflux/base/json.h"
#include "mflux/vae/kl/vae_config.h"

namespace mflux::flux2 {

/// config.json of diffusers AutoencoderKLFlux2, without what only training and tiling use.
/// Defaults are the class's, which are the published klein VAE's.
struct VaeConfig : kl::VaeConfig {
  VaeConfig();

  double batch_norm_eps = 1e-4;
};

/// Side of the latent patches that become one token. Flux2KleinPipeline knows no other.
inline constexpr int kPatch = 2;

/// Reads a config; unknown keys are logged as warnings. Throws Error for values that this port does
/// not implement, for contradictory ones, and for another model's config. `where` names the file.
VaeConfig parse_vae_config(const Json& json, const std::string& where);

} // namespace mflux::flux2
