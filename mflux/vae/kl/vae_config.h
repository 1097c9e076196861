#pragma once

#include <string>
#include <vector>

#include "mflux/base/json.h"
#include "mflux/base/model_config.h"
#include "mflux/vae/kl/config.h"

namespace mflux::kl {

/// config.json of diffusers AutoencoderKL, without what only training, tiling and pipelines use.
/// Defaults are the class's, which are no published model's.
struct VaeConfig {
  int in_channels = 3, out_channels = 3;
  std::vector<int> block_out_channels{64};
  /// Empty: as block_out_channels. Only AutoencoderKLFlux2's config.json has it.
  std::vector<int> decoder_block_out_channels{};
  int layers_per_block = 1;
  int latent_channels = 4;
  int norm_num_groups = 32;
  bool use_quant_conv = true, use_post_quant_conv = true;
  bool mid_block_add_attention = true;

  CoderConfig encoder() const;
  CoderConfig decoder() const;

  /// Image pixels per latent pixel, along a side.
  int scale() const {
    return 1 << (block_out_channels.size() - 1);
  }
};

/// Reads and checks what the autoencoders' classes have in common: all but
/// decoder_block_out_channels. What `config` holds before are the defaults. Throws Error.
void read_common(ModelConfig& file, VaeConfig& config);

/// Throws Error unless `values` are 1 to 8 channel counts, each a multiple of the norm's `groups`.
void check_channels(
    const ModelConfig& file, const std::string& key, const std::vector<int>& values, int groups);

/// Reads a config; unknown keys are logged as warnings. Throws Error for values that this port does
/// not implement, for contradictory ones, and for another model's config. `where` names the file.
VaeConfig parse_vae_config(const Json& json, const std::string& where);

} // namespace mflux::kl
