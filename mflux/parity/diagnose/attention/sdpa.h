#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mflux/parity/diagnose/attention/turn.h"

namespace mflux::parity {

/// What is added to the scores before the softmax: [batch or 1, heads or 1, queries or 1, keys].
struct Bias {
  int64_t batch = 1, heads = 1, queries = 1, keys = 0;
  std::vector<double> values;

  double at(int64_t b, int64_t h, int64_t q, int64_t k) const {
    const int64_t i = batch == 1 ? 0 : b, j = heads == 1 ? 0 : h, r = queries == 1 ? 0 : q;
    return values[static_cast<size_t>(((i * heads + j) * queries + r) * keys + k)];
  }
};

/// Hides a key from a query.
inline constexpr double kHidden = -1e30;

/// Queries, keys and values before the rotary embedding; heads of k and v divide those of q.
struct Projections {
  Heads q, k, v;
};

/// Everything between the projections and the output of the attention.
struct Setup {
  std::shared_ptr<const Turn> turn_q, turn_k; ///< null: not turned
  double scale = 1;
  bool is_causal = false;
  bool tiles_keys = false; ///< query head h reads key head h % n instead of h / (heads / n)
  std::shared_ptr<const Bias> bias;     ///< the mask
  std::shared_ptr<const Bias> relative; ///< what else is added: T5's position bias
};

/// Which rows are computed.
struct QueryRows {
  std::vector<int64_t> batches, heads, tokens;
};

/// At most `most` of `count` numbers from `first`, spread, the first and the last among them.
std::vector<int64_t> spread(int64_t first, int64_t count, int64_t most);

bool fits(const Projections& parts, const Setup& setup);

/// softmax(scale * q kᵀ + bias) v of the sampled rows, in double; the other rows are 0. The setup
/// must fit.
Heads attended(const Projections& parts, const Setup& setup, const QueryRows& sample);

} // namespace mflux::parity
