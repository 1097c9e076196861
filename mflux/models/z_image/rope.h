#pragma once

#include <vector>

#include "mflux/models/z_image/sequences.h"
#include "mflux/models/z_image/transformer_config.h"
#include "mflux/nn/module.h"

namespace mflux::z_image {

/// What turns a batch's queries and keys.
struct Rotary {
  mx::array freqs_cis; ///< as the reference has it: complex64 [batch, tokens, head_dim / 2]
  nn::RotaryTables tables;

  /// Of freqs_cis as an input of that call.
  Rotary seen(const capture::Call& call) const;
};

/// Of some tokens: [tokens, head_dim]. Throws Error for positions that an axis has not. Reference:
/// diffusers' RopeEmbedder (transformer_z_image.py), which rounds angles to float32.
nn::RotaryTables turns_of(const std::vector<Position>& positions, const TransformerConfig& config);

/// Those of each sequence, cut off or followed by zeros to be `tokens` long.
Rotary rotary_of(const std::vector<nn::RotaryTables>& sequences, int tokens);

} // namespace mflux::z_image
