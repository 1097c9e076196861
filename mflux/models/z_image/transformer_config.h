#pragma once

#include <string>
#include <vector>

#include "mflux/base/json.h"

namespace mflux::z_image {

/// config.json of diffusers ZImageTransformer2DModel, without what only its Omni variant has.
/// Defaults are the class's.
struct TransformerConfig {
  int patch_size = 2, f_patch_size = 1; ///< the only ones of all_patch_size and all_f_patch_size
  int in_channels = 16;                 ///< of latents, in and out
  int dim = 3840;
  int n_layers = 30;
  int n_refiner_layers = 2; ///< of each refiner
  int n_heads = 30;
  double norm_eps = 1e-5; ///< not of the norms of queries and keys, which have 1e-5 always
  bool qk_norm = true;
  int cap_feat_dim = 2560;
  double rope_theta = 256;
  double t_scale = 1000;
  std::vector<int> axes_dims{32, 48, 48};
  std::vector<int> axes_lens{1024, 512, 512}; ///< positions that each axis has

  int head_dim() const {
    return dim / n_heads;
  }
  /// Width of the embedded time step.
  int adaln_dim() const;
  /// Width of a feed-forward's inside.
  int ffn_dim() const {
    return static_cast<int>(static_cast<double>(dim) / 3 * 8);
  }
  /// Numbers of a patch.
  int patch_channels() const {
    return f_patch_size * patch_size * patch_size * in_channels;
  }
};

/// Reads a config; unknown keys are logged as one warning. Throws Error for values out of range,
/// for contradictory ones, for the Omni variant, and for another model's config. `where` names the
/// file.
TransformerConfig parse_transformer_config(const Json& json, const std::string& where);

} // namespace mflux::z_image
