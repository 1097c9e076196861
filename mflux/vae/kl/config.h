#pragma once

#include <vector>

namespace mflux::kl {

/// Of every group norm; diffusers hard-codes it in its encoder and decoder.
inline constexpr float kNormEps = 1e-6f;

/// One half of an autoencoder: channels named from the image's side, for the decoder too.
struct CoderConfig {
  int in_channels, out_channels; ///< what goes in, what comes out
  std::vector<int> block_out_channels;
  int layers_per_block;
  int norm_num_groups;
  bool mid_block_add_attention;

  int levels() const {
    return static_cast<int>(block_out_channels.size());
  }
};

} // namespace mflux::kl
