#pragma once

#include "mflux/encoders/qwen3/config.h"
#include "mflux/nn/module.h"

namespace mflux::qwen3 {

/// What attention knows of tokens' positions.
struct Positions {
  mx::array ids;      ///< int64 [1, tokens]
  mx::array cos, sin; ///< [1, tokens, head_dim]
};

/// Tables for tokens 0, 1, …: number i and i + head_dim / 2 of a head turn by
/// token / rope_theta^(2i / head_dim). The reference's frequencies and angles are float32 numbers,
/// so these are too. Reference: transformers Qwen3RotaryEmbedding.
struct RotaryEmbedding : nn::Module {
  RotaryEmbedding(Scope here, const Qwen3Config& c)
      : Module(std::move(here)), head_dim(c.head_dim), theta(c.rope_theta) {}

  /// For `hidden_states` [batch, tokens, hidden], in their type.
  Positions operator()(const mx::array& hidden_states) const;

  int head_dim;
  double theta;
};

} // namespace mflux::qwen3
