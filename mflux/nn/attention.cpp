#include "mflux/nn/attention.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/nn/compute.h"

namespace mflux::nn {
namespace {

std::string shown(const mx::array& x) {
  return fmt::format("[{}]", fmt::join(x.shape().begin(), x.shape().end(), ", "));
}

void check_heads(
    const mx::array& q,
    const mx::array& k,
    const mx::array& v,
    const std::optional<mx::array>& mask) {
  const bool fits = q.ndim() == 4 && k.ndim() == 4 && k.shape() == v.shape() &&
                    q.shape(0) == k.shape(0) && q.shape(3) == k.shape(3) && k.shape(2) > 0 &&
                    q.shape(2) % k.shape(2) == 0;
  if (!fits) {
    throw Error(fmt::format(
        "attention of q {}, k {}, v {}: expected [batch, queries, heads, dim] and twice [batch, "
        "keys, kv heads, dim], kv heads dividing heads",
        shown(q),
        shown(k),
        shown(v)));
  }
  if (!mask) {
    return;
  }
  const int extents[] = {q.shape(0), q.shape(2), q.shape(1), k.shape(1)};
  bool is_right = mask->ndim() == 4 && mask->dtype() == mx::bool_;
  for (int i = 0; is_right && i < 4; ++i) {
    is_right = mask->shape(i) == extents[i] || (i < 2 && mask->shape(i) == 1);
  }
  if (!is_right) {
    throw Error(fmt::format(
        "attention's mask is {}, expected booleans that broadcast to [{}]",
        shown(*mask),
        fmt::join(extents, ", ")));
  }
}

/// [batch, tokens, heads, dim] ↔ [batch, heads, tokens, dim]
mx::array heads_first(const mx::array& x, mx::Dtype dtype) {
  return mx::swapaxes(mx::astype(x, dtype), 1, 2);
}

float scale_of(int dim) {
  return 1.0f / std::sqrt(static_cast<float>(dim));
}

/// Half types run in one kernel on a GPU; all others hold their score matrix in memory.
int rows_at_once(const mx::array& q, const mx::array& k, int max_scores) {
  const bool is_fused = q.dtype() == mx::bfloat16 || q.dtype() == mx::float16;
  const int64_t row = int64_t{q.shape(0)} * q.shape(1) * std::max(1, k.shape(2));
  return is_fused ? std::max(1, q.shape(2))
                  : static_cast<int>(std::max<int64_t>(1, max_scores / std::max<int64_t>(1, row)));
}

} // namespace

mx::array attend(const mx::array& q, const mx::array& k, const mx::array& v, int max_scores) {
  const auto dtype = compute_dtype(q.dtype());
  const float scale = scale_of(q.shape(2));
  const auto scaled = mx::multiply(mx::astype(q, dtype), mx::array(scale, dtype));
  const auto kt = mx::swapaxes(mx::astype(k, dtype), 1, 2);
  const auto values = mx::astype(v, dtype);

  const int batch = q.shape(0), queries = q.shape(1), dim = q.shape(2);
  const int rows = std::max(1, max_scores / std::max(1, batch * k.shape(1)));
  std::vector<mx::array> slices;
  for (int begin = 0; begin < queries; begin += rows) {
    const int end = std::min(begin + rows, queries);
    const auto some = mx::slice(scaled, {0, begin, 0}, {batch, end, dim});
    slices.push_back(mx::matmul(mx::softmax(mx::matmul(some, kt), -1, true), values));
  }
  return mx::astype(slices.size() == 1 ? slices[0] : mx::concatenate(slices, 1), q.dtype());
}

mx::array attend_heads(
    const mx::array& q,
    const mx::array& k,
    const mx::array& v,
    const std::optional<mx::array>& mask,
    int max_scores) {
  check_heads(q, k, v, mask);
  const auto dtype = compute_dtype(q.dtype());
  const auto queries = heads_first(q, dtype), keys = heads_first(k, dtype);
  const auto values = heads_first(v, dtype);
  const float scale = scale_of(q.shape(3));
  const int count = q.shape(1), rows = rows_at_once(queries, keys, max_scores);

  std::vector<mx::array> slices;
  for (int begin = 0; begin < count; begin += rows) {
    const int end = std::min(begin + rows, count);
    const auto some =
        mx::slice(queries, {0, 0, begin, 0}, {q.shape(0), q.shape(2), end, q.shape(3)});
    if (!mask) {
      slices.push_back(mx::fast::scaled_dot_product_attention(some, keys, values, scale));
      continue;
    }
    const auto allowed =
        mx::slice(*mask, {0, 0, begin, 0}, {mask->shape(0), mask->shape(1), end, mask->shape(3)});
    const auto mixed =
        mx::fast::scaled_dot_product_attention(some, keys, values, scale, "array", allowed);
    // MLX gives such a query the mean of all values.
    slices.push_back(mx::where(mx::any(allowed, -1, true), mixed, mx::array(0.0f, dtype)));
  }
  if (slices.empty()) {
    return q;
  }
  const auto mixed = slices.size() == 1 ? slices[0] : mx::concatenate(slices, 2);
  return mx::astype(mx::swapaxes(mixed, 1, 2), q.dtype());
}

mx::array attend_heads_biased(
    const mx::array& q, const mx::array& k, const mx::array& v, const mx::array& bias) {
  check_heads(q, k, v, std::nullopt);
  const auto dtype = compute_dtype(q.dtype());
  const auto mixed = mx::fast::scaled_dot_product_attention(
      heads_first(q, dtype),
      heads_first(k, dtype),
      heads_first(v, dtype),
      scale_of(q.shape(3)),
      "array",
      mx::astype(bias, dtype));
  return mx::astype(mx::swapaxes(mixed, 1, 2), q.dtype());
}

mx::array score_bias(const mx::array& mask, mx::Dtype dtype) {
  const float infinity = std::numeric_limits<float>::infinity();
  return mx::where(mask, mx::array(0.0f, dtype), mx::array(-infinity, dtype));
}

} // namespace mflux::nn
