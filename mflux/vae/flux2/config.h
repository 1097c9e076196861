#pragma once

#include <filesystem>
#include <vector>

#include "mflux/base/json.h"
#include "mflux/vae/kl/config.h"

namespace mflux::flux2 {

/// config.json of diffusers AutoencoderKLFlux2, without what only training and tiling use.
/// Defaults are the class's, which are the published klein VAE's.
struct VaeConfig {
  int in_channels = 3, out_channels = 3;
  std::vector<int> block_out_channels{128, 256, 512, 512};
  std::vector<int> decoder_block_out_channels{}; ///< empty: as block_out_channels
  int layers_per_block = 2;
  int latent_channels = 32;
  int norm_num_groups = 32;
  bool use_quant_conv = true, use_post_quant_conv = true;
  bool mid_block_add_attention = true;
  double batch_norm_eps = 1e-4;

  kl::CoderConfig encoder() const;
  kl::CoderConfig decoder() const;

  /// Image pixels per latent pixel, along a side.
  int scale() const {
    return 1 << (block_out_channels.size() - 1);
  }
};

/// Side of the latent patches that become one token. Flux2KleinPipeline knows no other.
inline constexpr int kPatch = 2;

/// Reads a config; unknown keys are logged as warnings. Throws Error for values that this port does
/// not implement, for contradictory ones, and for another model's config. `where` names the file.
VaeConfig parse_vae_config(const Json& json, const std::string& where);

} // namespace mflux::flux2
