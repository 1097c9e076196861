#pragma once

#include <vector>

#include "mlx/mlx.h"

namespace mflux::nn {

namespace mx = mlx::core;

/// Cosine and sine of every token's angles, [tokens, dim] or [batch, tokens, dim] in float32; both
/// numbers of a pair (2i, 2i + 1) have the same angle.
struct RotaryTables {
  mx::array cos, sin;
};

/// What angles are before their cosine is taken.
enum class Angles { in_double, in_float };

/// Tables for tokens that have one position per axis: positions [tokens, axes], row by row. Axis a
/// turns the next dims[a] (even) channels, pair i by position / theta^(2i / dims[a]). Computed in
/// double, rounded once, or twice where angles are rounded themselves. Reference: diffusers
/// get_1d_rotary_pos_embed per axis, float64; with angles in float32 Z-Image's RopeEmbedder.
RotaryTables rotary_tables(
    const std::vector<float>& positions,
    const std::vector<int>& dims,
    double theta,
    Angles angles = Angles::in_double);

/// Those of the first's tokens, then of the second's.
RotaryTables joined(const RotaryTables& first, const RotaryTables& second);

/// x [batch, tokens, heads, dim] with each pair (2i, 2i + 1) turned by its token's angle, computed
/// in float32 and rounded once. Reference: diffusers apply_rotary_emb, use_real_unbind_dim -1.
mx::array rotate_pairs(const mx::array& x, const RotaryTables& tables);

} // namespace mflux::nn
