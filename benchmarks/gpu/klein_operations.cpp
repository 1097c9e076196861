#include "klein_bench.h"

#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "mflux/nn/attention.h"
#include "mflux/nn/fused/add_norm.h"
#include "mflux/nn/fused/group_norm.h"
#include "mflux/nn/fused/heads.h"
#include "mflux/nn/fused/swiglu.h"
#include "mflux/nn/fused/upsample.h"

namespace mflux::benchmark {
namespace {

constexpr int kRuns = 20, kText = 512, kImage = 4096, kTokens = kText + kImage;
constexpr int kHeads = 24, kHeadDim = 128, kDim = kHeads * kHeadDim, kMlp = 3 * kDim;

using Outputs = std::vector<mx::array>;

mx::array normal(const mx::Shape& shape, mx::Dtype dtype = mx::bfloat16) {
  auto x = mx::astype(mx::random::normal(shape), dtype);
  x.eval();
  return x;
}

/// `work`: what is counted, in units of 1e9 (GFLOP or GB).
void report(const std::string& name, const std::function<Outputs()>& run, double work) {
  mx::eval(run());
  mx::eval(run());
  const auto taken = timed([&] {
    for (int i = 0; i < kRuns; ++i) {
      mx::async_eval(run());
    }
  });
  const double ms = 1000 * taken.done / kRuns;
  fmt::print(
      "{{\"operation\": \"{}\", \"ms\": {:.4f}, \"tera_per_s\": {:.3f}}}\n", name, ms, work / ms);
  std::fflush(stdout);
}

void product(int rows, int in, int out) {
  const auto x = normal({1, rows, in}), weight = normal({out, in});
  report(
      fmt::format("matmul {}×{}→{}", rows, in, out),
      [&] { return Outputs{mx::matmul(x, mx::transpose(weight))}; },
      2e-9 * rows * in * out);
}

void products() {
  for (const auto& [in, out] :
       std::vector<std::pair<int, int>>{{kDim, 3 * kDim + 2 * kMlp}, {kDim + kMlp, kDim}}) {
    product(kTokens, in, out);
  }
  for (const int rows : {kImage, kText}) {
    product(rows, kDim, 3 * kDim);
    product(rows, kDim, kDim);
    product(rows, kDim, 2 * kMlp);
    product(rows, kMlp, kDim);
  }
  product(kText, 2560, 6144);
  product(kText, 4096, 2560);
  product(kText, 2560, 2 * 9728);
  product(kText, 9728, 2560);
}

double gb(const mx::array& x) {
  return 1e-9 * static_cast<double>(x.nbytes());
}

void transformer_operations() {
  const auto x = normal({1, kTokens, kDim}), y = normal({1, kTokens, kDim});
  const auto modulation = normal({1, 3 * kDim}), weight = normal({kHeadDim});
  const auto h = normal({1, kTokens, 3 * kDim + 2 * kMlp});
  const auto angles = normal({kTokens, kHeadDim}, mx::float32);
  const nn::RotaryTables tables{.cos = mx::cos(angles), .sin = mx::sin(angles)};
  mx::eval(tables.cos, tables.sin);
  report(
      "add, norm, modulate",
      [&] {
        const auto out = nn::fused::add_layer_norm_modulate(
            x,
            nn::fused::Gated{.y = y, .all = modulation, .gate = 2 * kDim},
            {.all = modulation, .shift = 0, .scale = kDim},
            1e-6f);
        return Outputs{out.sum, out.normed};
      },
      4 * gb(x));
  const nn::fused::Projected projected{
      .q = h,
      .k = h,
      .v = h,
      .k_at = kDim,
      .v_at = 2 * kDim,
      .q_weight = weight,
      .k_weight = weight};
  const auto turn = [&] {
    return nn::fused::turned_heads(
        projected,
        std::nullopt,
        tables,
        {.heads = kHeads,
         .kv_heads = kHeads,
         .head_dim = kHeadDim,
         .eps = 1e-6f,
         .pairing = nn::fused::Pairing::neighbours});
  };
  report(
      "norm and turn heads",
      [&] {
        const auto heads = turn();
        return Outputs{heads.q, heads.k};
      },
      4 * gb(x));
  const auto heads = turn();
  mx::eval(heads.q, heads.k, heads.v);
  const double attention = 4e-9 * kTokens * kTokens * kDim;
  report(
      "attention", [&] { return Outputs{nn::attend_heads(heads.q, heads.k, heads.v)}; }, attention);
  const auto v = mx::contiguous(heads.v);
  mx::eval(v);
  report(
      "attention, v contiguous",
      [&] { return Outputs{nn::attend_heads(heads.q, heads.k, v)}; },
      attention);
  const auto heads_first = [](const mx::array& a) {
    auto b = mx::contiguous(mx::swapaxes(a, 1, 2));
    b.eval();
    return b;
  };
  const auto q = heads_first(heads.q), k = heads_first(heads.k), values = heads_first(heads.v);
  report(
      "attention, heads first",
      [&] { return Outputs{mx::fast::scaled_dot_product_attention(q, k, values, 0.088388f)}; },
      attention);
  report(
      "swiglu and join",
      [&] {
        return Outputs{nn::fused::join_swiglu(
            x, {.all = h, .begin = 3 * kDim}, {.all = h, .begin = 3 * kDim + kMlp}, kMlp)};
      },
      1e-9 * kTokens * 2.0 * (2 * kDim + 3 * kMlp));
  report(
      "copy",
      [&] { return Outputs{mx::contiguous(mx::add(x, mx::array(1.0f, x.dtype())))}; },
      2 * gb(x));
}

void autoencoder_operations() {
  for (const auto& [channels, side] : std::vector<std::pair<int, int>>{
           {128, 1024}, {256, 1024}, {256, 512}, {512, 512}, {512, 256}, {512, 128}}) {
    const auto x = normal({1, side, side, channels});
    const auto y = normal({1, side, side, channels});
    const auto weight = normal({channels, 3, 3, channels});
    const auto vector = normal({channels}, mx::float32);
    const auto name = fmt::format("{}² × {}", side, channels);
    report(
        "convolution " + name,
        [&] {
          return Outputs{mx::conv2d(x, weight, {1, 1}, {1, 1})};
        },
        18e-9 * side * side * channels * channels);
    const nn::fused::GroupNormOptions options{.groups = 32, .eps = 1e-6f, .activates = true};
    report(
        "group norm, silu " + name,
        [&] { return Outputs{nn::fused::group_norm({.x = x}, vector, vector, options).normed}; },
        3 * gb(x));
    report(
        "add, group norm, silu " + name,
        [&] {
          const auto out = nn::fused::group_norm(
              {.x = x, .added = y, .offset = vector}, vector, vector, options);
          return Outputs{out.image.x, out.normed};
        },
        5 * gb(x));
    if (side < 1024) {
      report(
          "add, upsample " + name,
          [&] { return Outputs{nn::fused::upsample({.x = x, .added = y})}; },
          6 * gb(x));
    }
  }
  const auto tokens = normal({1, 16384, 512});
  report(
      "attention of 16384 × 512",
      [&] { return Outputs{nn::attend(tokens, tokens, tokens)}; },
      4e-9 * 16384 * 16384 * 512);
  const auto x = normal({1, 1024, 1024, 128}), weight = normal({3, 3, 3, 128});
  report(
      "convolution 1024² 128→3",
      [&] {
        return Outputs{mx::conv2d(x, weight, {1, 1}, {1, 1})};
      },
      2e-9 * 1024 * 1024 * 128 * 3 * 9);
}

} // namespace

void time_operations() {
  products();
  transformer_operations();
  autoencoder_operations();
}

} // namespace mflux::benchmark
