#pragma once

#include <optional>

#include "mlx/mlx.h"

namespace mflux::nn {

namespace mx = mlx::core;

/// softmax(q kᵀ / √dim) v for one head: q [batch, queries, dim], k and v [batch, keys, dim].
/// Queries are taken in slices, so that no score matrix holds more than `max_scores` elements
/// unless one row does.
mx::array attend(
    const mx::array& q, const mx::array& k, const mx::array& v, int max_scores = 1 << 24);

/// The same for many heads: q [batch, queries, heads, dim], k and v [batch, keys, kv heads, dim] →
/// [batch, queries, heads, dim]. kv heads divides heads; neighbouring heads share one. `mask` is of
/// booleans, broadcast to [batch, heads, queries, keys]; a query attends where it is true, and
/// gives 0 where it is true nowhere. Reference: torch's scaled_dot_product_attention with a boolean
/// mask, k and v repeated as by repeat_interleave. Throws Error for shapes that do not fit.
mx::array attend_heads(
    const mx::array& q,
    const mx::array& k,
    const mx::array& v,
    const std::optional<mx::array>& mask = std::nullopt,
    int max_scores = 1 << 24);

/// The same with a number added to each score, of q's type and broadcast to [batch, heads, queries,
/// keys]: see score_bias().
mx::array attend_heads_biased(
    const mx::array& q, const mx::array& k, const mx::array& v, const mx::array& bias);

/// 0 where a mask of booleans allows, −infinity elsewhere, for masks that leave each query a key.
/// Made once, it saves every layer the conversion.
mx::array score_bias(const mx::array& mask, mx::Dtype dtype);

} // namespace mflux::nn
