#pragma once

#include <string>
#include <vector>

#include "mflux/base/json.h"
#include "mflux/vae/kl/config.h"

namespace mflux::flux1 {

/// config.json of diffusers AutoencoderKL, without what only training, tiling and pipelines use.
/// Defaults are the class's, which are no published model's.
struct VaeConfig {
  int in_channels = 3, out_channels = 3;
  std::vector<int> block_out_channels{64};
  int layers_per_block = 1;
  int latent_channels = 4;
  int norm_num_groups = 32;
  bool use_quant_conv = true, use_post_quant_conv = true;
  bool mid_block_add_attention = true;

  kl::CoderConfig encoder() const;
  kl::CoderConfig decoder() const;

  /// Image pixels per latent pixel, along a side.
  int scale() const {
    return 1 << (block_out_channels.size() - 1);
  }
};

/// Reads a config; unknown keys are logged as warnings. Throws Error for values that this port does
/// not implement, for contradictory ones, and for another model's config. `where` names the file.
VaeConfig parse_vae_config(const Json& json, const std::string& where);

} // namespace mflux::flux1
