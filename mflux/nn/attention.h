#pragma once

#include "mlx/mlx.h"

namespace mflux::nn {

namespace mx = mlx::core;

/// softmax(q kᵀ / √dim) v for one head: q [batch, queries, dim], k and v [batch, keys, dim].
/// Queries are taken in slices, so that no score matrix holds more than `max_scores` elements
/// unless one row does.
mx::array attend(
    const mx::array& q, const mx::array& k, const mx::array& v, int max_scores = 1 << 24);

} // namespace mflux::nn
