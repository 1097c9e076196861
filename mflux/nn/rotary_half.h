#pragma once

#include "mlx/mlx.h"

namespace mflux::nn {

namespace mx = mlx::core;

/// x [batch, tokens, heads, dim] with each pair (i, i + dim / 2) turned by its token's angle: cos
/// and sin are [1 or batch, tokens, dim]. Computed in float32 and rounded once. Reference:
/// transformers' apply_rotary_pos_emb.
mx::array rotate_halves(const mx::array& x, const mx::array& cos, const mx::array& sin);

} // namespace mflux::nn
