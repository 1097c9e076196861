// Whole models on the fused path against themselves, module by module, on the composed one; random
// weights, sizes that the kernels take and sizes that they do not.
#include <vector>

#include "fused/random_arrays.h"
#include "gtest/gtest.h"
#include "mflux/encoders/qwen3/encoder.h"
#include "mflux/models/flux2/transformer.h"
#include "mflux/nn/fused/path.h"
#include "mflux/vae/flux2/autoencoder.h"

namespace mflux {
namespace {

using nn::fused::Chosen;
using nn::fused::Path;
using testing::normal;
using testing::random_model;
using testing::relative_error;

void join(flux2::Flux2Transformer2DModel& model) {
  for (auto& block : model.transformer_blocks) {
    block.attn.join();
  }
}

void join(qwen3::TextEncoder& encoder) {
  encoder.model.join();
}

/// On a GPU, float32 is computed as such.
const bool kIsExact = setenv("MLX_ENABLE_TF32", "0", 0) == 0;

class FusedModels : public ::testing::TestWithParam<mx::Dtype> {
 protected:
  mx::Dtype dtype = GetParam();

  /// `run` on the fused path against the composed one. In bfloat16 both round on their own way, so
  /// both are held to float32's result: fused is at most as far from it as composed, and a half.
  template <typename Model, typename Run, typename... Args>
  void expect_same(Run&& run, const Args&... args) {
    ASSERT_TRUE(kIsExact);
    mx::random::seed(7);
    auto model = random_model<Model>(dtype, args...);
    mx::random::seed(7);
    const auto exact_model = random_model<Model>(mx::float32, args...);
    const auto on = [&](Path path, const Model& of, mx::Dtype type) {
      const Chosen chosen(path);
      auto y = run(of, type);
      y.eval();
      return y;
    };
    const auto exact = on(Path::composed, exact_model, mx::float32);
    const auto composed = on(Path::composed, model, dtype);
    EXPECT_GT(relative_error(mx::zeros_like(exact), exact), 0.5); // there is something to see
    const auto expect = [&](const mx::array& fused) {
      ASSERT_EQ(fused.shape(), exact.shape());
      const double bound = dtype == mx::float32 ? 2e-5 : 1.5 * relative_error(composed, exact);
      EXPECT_LT(relative_error(fused, exact), bound);
    };
    expect(on(Path::fused, model, dtype));
    if constexpr (requires { join(model); }) {
      join(model);
      expect(on(Path::fused, model, dtype));
      EXPECT_EQ(relative_error(on(Path::composed, model, dtype), composed), 0);
    }
  }

  mx::array fixed(const mx::Shape& shape, mx::Dtype type, int seed) {
    return mx::astype(
        mx::astype(mx::random::normal(shape, mx::random::key(seed)), mx::bfloat16), type);
  }
};

flux2::TransformerConfig transformer_config(int heads, int head_dim, int doubles, int singles) {
  flux2::TransformerConfig c;
  c.in_channels = c.out_channels = 16;
  c.num_layers = doubles;
  c.num_single_layers = singles;
  c.num_attention_heads = heads;
  c.attention_head_dim = head_dim;
  c.axes_dims_rope = {head_dim / 4, head_dim / 4, head_dim / 4, head_dim / 4};
  c.joint_attention_dim = 24;
  c.timestep_guidance_channels = 32;
  c.guidance_embeds = false;
  return c;
}

TEST_P(FusedModels, Transformer) {
  struct Case {
    int batch, rows, columns, text, times;
    flux2::TransformerConfig config;
  };
  for (const auto& c : std::vector<Case>{
           {1, 5, 3, 7, 1, transformer_config(2, 128, 2, 2)},
           {2, 2, 4, 3, 2, transformer_config(1, 128, 1, 1)},
           {2, 2, 4, 3, 1, transformer_config(3, 128, 1, 2)},
           {1, 3, 3, 4, 1, transformer_config(2, 128, 0, 1)},
           {1, 3, 3, 4, 1, transformer_config(2, 128, 1, 0)},
           {1, 4, 2, 5, 1, transformer_config(3, 24, 1, 1)}}) {
    expect_same<flux2::Flux2Transformer2DModel>(
        [&](const flux2::Flux2Transformer2DModel& model, mx::Dtype type) {
          const auto& pos_embed = model.pos_embed;
          return model(
              {.hidden_states = fixed({c.batch, c.rows * c.columns, 16}, type, 1),
               .encoder_hidden_states = fixed({c.batch, c.text, 24}, type, 2),
               .timestep = mx::full({c.times}, 0.75f, type),
               .img = pos_embed.prepare(
                   flux2::image_ids(c.batch, {.columns = c.columns, .rows = c.rows})),
               .txt = pos_embed.prepare(flux2::text_ids(c.batch, c.text))});
        },
        c.config);
  }
}

TEST_P(FusedModels, Autoencoder) {
  struct Case {
    std::vector<int> channels;
    int groups, layers, batch, height, width;
  };
  for (const auto& c : std::vector<Case>{
           {{32, 64}, 8, 1, 2, 6, 4}, {{64, 32, 32}, 16, 2, 1, 5, 3}, {{12, 24}, 4, 1, 1, 4, 4}}) {
    flux2::VaeConfig config;
    config.block_out_channels = c.channels;
    config.layers_per_block = c.layers;
    config.norm_num_groups = c.groups;
    config.latent_channels = 8;
    expect_same<flux2::AutoencoderKLFlux2>(
        [&](const flux2::AutoencoderKLFlux2& vae, mx::Dtype type) {
          return vae.decode(fixed({c.batch, c.height, c.width, 8}, type, 3));
        },
        config);
    expect_same<flux2::AutoencoderKLFlux2>(
        [&](const flux2::AutoencoderKLFlux2& vae, mx::Dtype type) {
          return vae.encode(fixed({c.batch, 8 * c.height, 8 * c.width + 1, 3}, type, 4));
        },
        config);
  }
}

TEST_P(FusedModels, TextEncoder) {
  qwen3::Qwen3Config config;
  config.vocab_size = 50;
  config.num_hidden_layers = 3;
  config.max_position_embeddings = 64;
  config.has_lm_head = false;
  // Nothing, some tokens, and of one sample the first is padding: that query sees nobody.
  const std::vector<std::vector<int>> masks{
      {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0},
      {1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1}};
  struct Case {
    int hidden, intermediate, heads, kv_heads, head_dim;
    bool bias;
  };
  for (const auto& c : std::vector<Case>{
           {64, 96, 4, 2, 128, false}, {40, 56, 2, 2, 16, true}, {32, 36, 4, 1, 128, true}}) {
    config.hidden_size = c.hidden;
    config.intermediate_size = c.intermediate;
    config.num_attention_heads = c.heads;
    config.num_key_value_heads = c.kv_heads;
    config.head_dim = c.head_dim;
    config.attention_bias = c.bias;
    for (const auto& wanted : std::vector<std::vector<int>>{{0, 1, 2}, {1, 3}}) {
      for (const auto& mask : masks) {
        expect_same<qwen3::TextEncoder>(
            [&](const qwen3::TextEncoder& encoder, mx::Dtype) {
              return encoder(
                  {.input_ids = mx::array({5, 9, 49, 0, 7, 7, 1, 2, 3, 4, 30, 31}, {2, 6}),
                   .attention_mask = mx::array(mask.data(), {2, 6}, mx::int32)});
            },
            config,
            wanted);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, FusedModels, ::testing::Values(mx::float32, mx::bfloat16), [](const auto& info) {
      return info.param == mx::float32 ? "float32" : "bfloat16";
    });

} // namespace
} // namespace mflux
