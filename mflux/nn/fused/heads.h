#pragma once

#include <optional>

#include "mflux/nn/linear.h"
#include "mflux/nn/rotary.h"
#include "mlx/mlx.h"

namespace mflux::nn::fused {

/// Queries, keys and values of some tokens as projections leave them: each [batch, tokens, width],
/// heads · head_dim numbers from a column on. All three may be one array.
struct Projected {
  mx::array q, k, v;
  int q_at = 0, k_at = 0, v_at = 0;
  mx::array q_weight, k_weight; ///< of the norms, [head_dim]
};

/// Layers that make queries, keys and values, and their weights as one where join_weights() made
/// them so.
struct Projections {
  const Linear &q, &k, &v;
  const std::optional<mx::array>& joined;
};

/// The three outputs for x [batch, tokens, in], by one product where that can be.
Projected projected(
    const mx::array& x,
    const Projections& layers,
    const mx::array& q_weight,
    const mx::array& k_weight);

enum class Pairing {
  neighbours, ///< rotate_pairs()
  halves,     ///< rotate_halves()
};

/// Each [batch, tokens, heads, head_dim].
struct Heads {
  mx::array q, k, v;
};

struct HeadsOptions {
  int heads, kv_heads, head_dim;
  float eps;
  Pairing pairing;
};

/// RMSNorm and rotary embedding of queries and keys, values as they are; of `first`'s tokens, then
/// of `second`'s. Tables are float32 [tokens of both, head_dim].
Heads turned_heads(
    const Projected& first,
    const std::optional<Projected>& second,
    const RotaryTables& tables,
    const HeadsOptions& options);

} // namespace mflux::nn::fused
