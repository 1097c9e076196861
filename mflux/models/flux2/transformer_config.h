#pragma once

#include <string>
#include <vector>

#include "mflux/base/json.h"

namespace mflux::flux2 {

/// config.json of diffusers Flux2Transformer2DModel. Defaults are the class's.
struct TransformerConfig {
  int patch_size = 1;
  int in_channels = 128;
  int out_channels = 128; ///< in_channels where the file has null or nothing
  int num_layers = 8, num_single_layers = 48;
  int attention_head_dim = 128, num_attention_heads = 48;
  int joint_attention_dim = 15360;
  int timestep_guidance_channels = 256;
  double mlp_ratio = 3.0;
  std::vector<int> axes_dims_rope{32, 32, 32, 32};
  double rope_theta = 2000;
  double eps = 1e-6;
  bool guidance_embeds = true;

  int dim() const {
    return num_attention_heads * attention_head_dim;
  }
  /// Width of a feed-forward's inside.
  int mlp_dim() const {
    return static_cast<int>(dim() * mlp_ratio);
  }
  /// Numbers predicted per token.
  int proj_channels() const {
    return patch_size * patch_size * out_channels;
  }
};

/// Reads a config; unknown keys are logged as one warning. Throws Error for values out of range,
/// for contradictory ones, and for another model's config. `where` names the file.
TransformerConfig parse_transformer_config(const Json& json, const std::string& where);

} // namespace mflux::flux2
