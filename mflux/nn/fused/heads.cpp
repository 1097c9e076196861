#include "mflux/nn/fused/heads.h"

#include "mflux/nn/fused/launch.h"
#include "mflux/nn/rotary_half.h"

namespace mflux::nn::fused {
namespace {

constexpr int kHeadDim = 128; // of the kernel
constexpr int kWarp = 32, kThreads = 256;

/// `heads` heads of x [batch, tokens, width] from a column on.
mx::array by_head(const mx::array& x, int begin, int heads, int head_dim) {
  const int end = begin + heads * head_dim;
  const bool is_whole = begin == 0 && end == x.shape(2);
  const auto some = is_whole ? x : mx::slice(x, {0, 0, begin}, {x.shape(0), x.shape(1), end});
  return mx::unflatten(some, 2, {heads, head_dim});
}

mx::array normed(const mx::array& x, const mx::array& weight, float eps) {
  const auto wide = mx::astype(x, mx::float32);
  return mx::astype(mx::fast::rms_norm(wide, mx::astype(weight, mx::float32), eps), x.dtype());
}

Heads by_heads(const Projected& from, const HeadsOptions& o) {
  return {
      .q = normed(by_head(from.q, from.q_at, o.heads, o.head_dim), from.q_weight, o.eps),
      .k = normed(by_head(from.k, from.k_at, o.kv_heads, o.head_dim), from.k_weight, o.eps),
      .v = by_head(from.v, from.v_at, o.kv_heads, o.head_dim)};
}

mx::array turned(const mx::array& x, const RotaryTables& tables, Pairing pairing) {
  return pairing == Pairing::neighbours
             ? rotate_pairs(x, tables)
             : rotate_halves(x, mx::expand_dims(tables.cos, 0), mx::expand_dims(tables.sin, 0));
}

Heads composed(
    const Projected& first,
    const std::optional<Projected>& second,
    const RotaryTables& tables,
    const HeadsOptions& o) {
  auto all = by_heads(first, o);
  if (second) {
    const auto more = by_heads(*second, o);
    all = {
        .q = mx::concatenate({all.q, more.q}, 1),
        .k = mx::concatenate({all.k, more.k}, 1),
        .v = mx::concatenate({all.v, more.v}, 1)};
  }
  return {.q = turned(all.q, tables, o.pairing), .k = turned(all.k, tables, o.pairing), .v = all.v};
}

bool is_aligned(const Projected& from) {
  constexpr int kFour = 4; // elements of a lane's load
  return (from.q_at | from.k_at | from.v_at) % kFour == 0 && from.q.shape(2) % kFour == 0 &&
         from.k.shape(2) % kFour == 0 && from.v.shape(2) % kFour == 0;
}

/// The kernel has one set of offsets.
bool has_equal_offsets(const Projected& a, const Projected& b) {
  return a.q_at == b.q_at && a.k_at == b.k_at && a.v_at == b.v_at;
}

} // namespace

Projected projected(
    const mx::array& x,
    const Projections& layers,
    const mx::array& q_weight,
    const mx::array& k_weight) {
  const auto& [q, k, v, joined] = layers;
  if (!joined) {
    return {.q = q(x), .k = k(x), .v = v(x), .q_weight = q_weight, .k_weight = k_weight};
  }
  const auto y = linear(x, *joined);
  const int q_width = q.weight.shape(0), k_width = k.weight.shape(0);
  return {
      .q = y,
      .k = y,
      .v = y,
      .k_at = q_width,
      .v_at = q_width + k_width,
      .q_weight = q_weight,
      .k_weight = k_weight};
}

Heads turned_heads(
    const Projected& first,
    const std::optional<Projected>& second,
    const RotaryTables& tables,
    const HeadsOptions& o) {
  const auto& more = second ? *second : first;
  if (!has_kernels(first.q.dtype()) || o.head_dim != kHeadDim || !is_aligned(first) ||
      !is_aligned(more) || !has_equal_offsets(first, more)) {
    return composed(first, second, tables, o);
  }
  const int batch = first.q.shape(0), split = first.q.shape(1);
  const int tokens = split + (second ? more.q.shape(1) : 0);
  const auto dtype = first.q.dtype();
  const mx::Shape q_shape{batch, tokens, o.heads, kHeadDim};
  const mx::Shape k_shape{batch, tokens, o.kv_heads, kHeadDim};
  const int warps = o.heads + (second ? 2 : 1) * o.kv_heads;
  const int64_t lanes = int64_t{batch} * tokens * warps * kWarp;
  const auto out = launch(
      {.kernel = "turned_heads",
       .inputs =
           {first.q,
            first.k,
            first.v,
            more.q,
            more.k,
            more.v,
            first.q_weight,
            first.k_weight,
            more.q_weight,
            more.k_weight,
            tables.cos,
            tables.sin},
       .shapes = {q_shape, k_shape, second ? k_shape : mx::Shape{kVector}},
       .dtypes = {dtype, dtype, dtype},
       .scalars =
           {batch,
            tokens,
            split,
            o.heads,
            o.kv_heads,
            second ? 1 : 0,
            first.q_at,
            first.k_at,
            first.v_at,
            first.q.shape(2),
            first.k.shape(2),
            first.v.shape(2),
            more.q.shape(2),
            more.k.shape(2),
            more.v.shape(2),
            o.eps,
            o.pairing == Pairing::halves ? 1 : 0},
       .blocks = (lanes + kThreads - 1) / kThreads,
       .threads = kThreads});
  const auto v = second ? out[2] : by_head(first.v, first.v_at, o.kv_heads, kHeadDim);
  return {.q = out[0], .k = out[1], .v = v};
}

} // namespace mflux::nn::fused
