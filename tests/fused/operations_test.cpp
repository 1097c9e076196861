// Each joined operation against the plain ones that it joins, in float32. On an NVIDIA machine the
// half of the cases that is bfloat16 runs the kernels.
#include <vector>

#include "fused/random_arrays.h"
#include "gtest/gtest.h"
#include "mflux/nn/fused/add_norm.h"
#include "mflux/nn/fused/group_norm.h"
#include "mflux/nn/fused/heads.h"
#include "mflux/nn/fused/path.h"
#include "mflux/nn/fused/swiglu.h"
#include "mflux/nn/fused/upsample.h"
#include "mflux/nn/rotary_half.h"

namespace mflux::nn::fused {
namespace {

using testing::normal;
using testing::relative_error;

class Fused : public ::testing::TestWithParam<mx::Dtype> {
 protected:
  mx::Dtype dtype = GetParam();
  /// Results are rounded once or, of sums that go on, twice.
  double bound = dtype == mx::float32 ? 2e-6 : 4e-3;
  Chosen chosen{Path::fused};

  void expect_near(const mx::array& got, const mx::array& want) {
    ASSERT_EQ(got.shape(), want.shape());
    EXPECT_EQ(got.dtype(), dtype);
    EXPECT_LT(relative_error(got, want), bound);
  }
};

mx::array wide(const mx::array& x) {
  return mx::astype(x, mx::float32);
}

mx::array columns(const mx::array& all, int begin, int dim) {
  return mx::expand_dims(wide(mx::slice(all, {0, begin}, {all.shape(0), begin + dim})), 1);
}

mx::array layer_normed(const mx::array& x, float eps) {
  const auto centred = x - mx::mean(x, -1, true);
  return centred * mx::rsqrt(mx::mean(mx::square(centred), -1, true) + mx::array(eps));
}

mx::array rms_normed(const mx::array& x, const mx::array& weight, float eps) {
  return x * mx::rsqrt(mx::mean(mx::square(x), -1, true) + mx::array(eps)) * wide(weight);
}

TEST_P(Fused, AddLayerNormModulate) {
  for (const auto& [batch, tokens, dim, mods] : std::vector<std::array<int, 4>>{
           {1, 7, 3072, 1},
           {2, 5, 256, 2},
           {3, 4, 64, 1},
           {1, 2, 8, 1},
           {1, 3, 5120, 1},
           {2, 3, 20, 2}}) {
    const auto x = normal({batch, tokens, dim}, dtype, 3, 2),
               y = normal({batch, tokens, dim}, dtype);
    const auto gates = normal({mods, 3 * dim}, dtype), mod = normal({mods, 6 * dim}, dtype);
    const float eps = 1e-6f;
    const Columns where{.all = mod, .shift = 3 * dim, .scale = 4 * dim};

    const auto plain = add_layer_norm_modulate(x, std::nullopt, where, eps);
    const auto scale = mx::array(1.0f) + columns(mod, 4 * dim, dim);
    const auto shift = columns(mod, 3 * dim, dim);
    expect_near(plain.normed, layer_normed(wide(x), eps) * scale + shift);
    EXPECT_EQ(relative_error(plain.sum, x), 0);

    const auto added =
        add_layer_norm_modulate(x, Gated{.y = y, .all = gates, .gate = 2 * dim}, where, eps);
    const auto sum = wide(x) + columns(gates, 2 * dim, dim) * wide(y);
    expect_near(added.sum, sum);
    expect_near(added.normed, layer_normed(wide(added.sum), eps) * scale + shift);
  }
}

TEST_P(Fused, AddRmsNorm) {
  for (const auto& [batch, tokens, dim] :
       std::vector<std::array<int, 3>>{{1, 9, 2560}, {2, 3, 128}, {1, 1, 8}, {1, 2, 36}}) {
    const auto x = normal({batch, tokens, dim}, dtype, 1), y = normal({batch, tokens, dim}, dtype);
    const auto weight = normal({dim}, dtype, 1, 0.2f);
    expect_near(
        add_rms_norm(x, std::nullopt, weight, 1e-6f).normed, rms_normed(wide(x), weight, 1e-6f));
    const auto both = add_rms_norm(x, y, weight, 1e-5f);
    expect_near(both.sum, wide(x) + wide(y));
    expect_near(both.normed, rms_normed(wide(both.sum), weight, 1e-5f));
  }
}

struct HeadsCase {
  int batch, first, second, heads, kv_heads, head_dim;
  Pairing pairing;
};

mx::array head_columns(const mx::array& x, int begin, int heads, int dim) {
  const auto some = mx::slice(x, {0, 0, begin}, {x.shape(0), x.shape(1), begin + heads * dim});
  return mx::reshape(wide(some), {x.shape(0), x.shape(1), heads, dim});
}

Projected random_projected(const HeadsCase& c, int tokens, mx::Dtype dtype) {
  const int q_width = c.heads * c.head_dim, k_width = c.kv_heads * c.head_dim;
  const auto all = normal({c.batch, tokens, q_width + 2 * k_width + 40}, dtype);
  return {
      .q = all,
      .k = all,
      .v = all,
      .q_at = 8,
      .k_at = 8 + q_width,
      .v_at = 8 + q_width + k_width,
      .q_weight = normal({c.head_dim}, dtype, 1, 0.3f),
      .k_weight = normal({c.head_dim}, dtype, 1, 0.3f)};
}

RotaryTables random_tables(const HeadsCase& c) {
  const auto angles = normal({c.first + c.second, c.head_dim / 2}, mx::float32, 0, 3);
  const auto doubled = c.pairing == Pairing::halves ? mx::concatenate({angles, angles}, 1)
                                                    : mx::repeat(angles, 2, 1);
  return {.cos = mx::cos(doubled), .sin = mx::sin(doubled)};
}

/// Heads that are not turned yet.
Heads normed_heads(const HeadsCase& c, const Projected& from, float eps) {
  return {
      .q = rms_normed(head_columns(from.q, from.q_at, c.heads, c.head_dim), from.q_weight, eps),
      .k = rms_normed(head_columns(from.k, from.k_at, c.kv_heads, c.head_dim), from.k_weight, eps),
      .v = head_columns(from.v, from.v_at, c.kv_heads, c.head_dim)};
}

mx::array turned(const HeadsCase& c, const mx::array& x, const RotaryTables& tables) {
  return c.pairing == Pairing::neighbours
             ? rotate_pairs(x, tables)
             : rotate_halves(x, mx::expand_dims(tables.cos, 0), mx::expand_dims(tables.sin, 0));
}

TEST_P(Fused, TurnedHeads) {
  const float eps = 1e-6f;
  for (const auto& c : std::vector<HeadsCase>{
           {1, 5, 11, 3, 3, 128, Pairing::neighbours},
           {2, 4, 3, 2, 2, 128, Pairing::neighbours},
           {2, 6, 0, 4, 2, 128, Pairing::halves},
           {1, 6, 0, 24, 24, 128, Pairing::neighbours},
           {1, 3, 2, 2, 1, 16, Pairing::halves}}) {
    const auto first = random_projected(c, c.first, dtype);
    const auto second =
        c.second ? std::optional(random_projected(c, c.second, dtype)) : std::nullopt;
    const auto tables = random_tables(c);
    auto want = normed_heads(c, first, eps);
    if (second) {
      const auto more = normed_heads(c, *second, eps);
      want = {
          .q = mx::concatenate({want.q, more.q}, 1),
          .k = mx::concatenate({want.k, more.k}, 1),
          .v = mx::concatenate({want.v, more.v}, 1)};
    }
    const auto got = turned_heads(
        first,
        second,
        tables,
        {.heads = c.heads,
         .kv_heads = c.kv_heads,
         .head_dim = c.head_dim,
         .eps = eps,
         .pairing = c.pairing});
    expect_near(got.q, turned(c, want.q, tables));
    expect_near(got.k, turned(c, want.k, tables));
    EXPECT_EQ(relative_error(got.v, want.v), 0);
  }
}

TEST_P(Fused, JoinSwiglu) {
  for (const auto& [batch, tokens, first_width, width] : std::vector<std::array<int, 4>>{
           {1, 9, 256, 768}, {2, 3, 0, 64}, {1, 1, 8, 8}, {2, 2, 6, 10}}) {
    const auto first = normal({batch, tokens, std::max(first_width, 1)}, dtype);
    const auto h = normal({batch, tokens, 16 + 2 * width}, dtype, 0, 4);
    const auto got = join_swiglu(
        first_width ? std::optional(first) : std::nullopt,
        {.all = h, .begin = 16},
        {.all = h, .begin = 16 + width},
        width);
    const auto parts = mx::split(wide(h), mx::Shape{16, 16 + width}, 2);
    const auto product = parts[1] * mx::sigmoid(parts[1]) * parts[2];
    expect_near(got, first_width ? mx::concatenate({wide(first), product}, 2) : product);
  }
}

TEST_P(Fused, GroupNorm) {
  struct Case {
    int batch, height, width, channels, groups;
  };
  for (const auto& c : std::vector<Case>{
           {1, 24, 20, 128, 32},
           {2, 7, 5, 512, 32},
           {1, 1, 1, 32, 4},
           {3, 9, 2, 64, 32},
           {1, 40, 40, 256, 32},
           {2, 3, 3, 96, 32},
           {1, 300, 200, 64, 16}}) {
    const mx::Shape shape{c.batch, c.height, c.width, c.channels};
    const auto x = normal(shape, dtype, 50, 1), y = normal(shape, dtype, -3, 2);
    const auto weight = normal({c.channels}, mx::float32, 1, 0.3f);
    const auto bias = normal({c.channels}, mx::float32), offset = normal({c.channels}, mx::float32);
    for (int mask = 0; mask < 8; ++mask) {
      const Pending image{
          .x = x,
          .added = mask & 1 ? std::optional(y) : std::nullopt,
          .offset = mask & 2 ? std::optional(offset) : std::nullopt};
      const auto got = group_norm(
          image, weight, bias, {.groups = c.groups, .eps = 1e-6f, .activates = (mask & 4) != 0});
      auto sum = wide(x);
      sum = mask & 1 ? sum + wide(y) : sum;
      sum = mask & 2 ? sum + offset : sum;
      if (mask & 1) { // what goes on is rounded, and that is what the norm reads
        expect_near(got.image.x, sum);
        sum = wide(got.image.x);
      }
      // The norm does not see a constant, whose square float32 would lose digits to.
      const auto grouped = mx::reshape(
          sum - mx::array(50.0f), {c.batch, c.height * c.width, c.groups, c.channels / c.groups});
      const auto centred = grouped - mx::mean(grouped, std::vector<int>{1, 3}, true);
      const auto variance = mx::mean(mx::square(centred), std::vector<int>{1, 3}, true);
      auto want = mx::reshape(centred * mx::rsqrt(variance + mx::array(1e-6f)), shape);
      want = want * weight + bias;
      want = mask & 4 ? want * mx::sigmoid(want) : want;
      ASSERT_EQ(got.normed.shape(), shape);
      // Numbers about 50 whose deviation is 1: float32 leaves 50 times its own error.
      EXPECT_LT(relative_error(got.normed, want), dtype == mx::float32 ? 5e-5 : 4e-3)
          << c.height << " " << c.channels << " " << mask;
      EXPECT_LT(relative_error(settled(got.image), sum), dtype == mx::float32 ? 1e-6 : 4e-3);
    }
  }
}

TEST_P(Fused, Upsample) {
  const auto x = normal({2, 3, 5, 24}, dtype), y = normal({2, 3, 5, 24}, dtype);
  const auto offset = normal({24}, mx::float32);
  for (int mask = 0; mask < 4; ++mask) {
    const Pending image{
        .x = x,
        .added = mask & 1 ? std::optional(y) : std::nullopt,
        .offset = mask & 2 ? std::optional(offset) : std::nullopt};
    auto sum = wide(x);
    sum = mask & 1 ? sum + wide(y) : sum;
    sum = mask & 2 ? sum + offset : sum;
    expect_near(upsample(image), mx::repeat(mx::repeat(sum, 2, 1), 2, 2));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, Fused, ::testing::Values(mx::float32, mx::bfloat16), [](const auto& info) {
      return info.param == mx::float32 ? "float32" : "bfloat16";
    });

} // namespace
} // namespace mflux::nn::fused
