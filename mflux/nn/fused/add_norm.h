#pragma once

#include <optional>

#include "mlx/mlx.h"

namespace mflux::nn::fused {

namespace mx = mlx::core;

/// A residual stream after an addition, and what the next module reads of it.
struct Normed {
  mx::array sum, normed;
};

/// Modulations [batch, width] of which a norm uses dim numbers each, from these columns on.
struct Columns {
  mx::array all;
  int shift, scale;
};
/// What comes back into the stream: y [batch, tokens, dim], times the gate [batch, width] from a
/// column on.
struct Gated {
  mx::array y, all;
  int gate;
};

/// x + gate · y (x itself where nothing is added), by operations of MLX; rounded once.
mx::array settled(const mx::array& x, const std::optional<Gated>& added);

/// sum = x + gate · y (x itself where nothing is added), normed = (1 + scale) · LayerNorm(sum) +
/// shift; x is [batch, tokens, dim].
Normed add_layer_norm_modulate(
    const mx::array& x, const std::optional<Gated>& added, const Columns& modulation, float eps);

/// sum = x + y (x itself where nothing is added), normed = weight · RMSNorm(sum); x is [batch,
/// tokens, dim].
Normed add_rms_norm(
    const mx::array& x, const std::optional<mx::array>& y, const mx::array& weight, float eps);

} // namespace mflux::nn::fused
