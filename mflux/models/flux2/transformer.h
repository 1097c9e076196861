#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "mflux/models/flux2/blocks.h"
#include "mflux/models/flux2/norm_out.h"
#include "mflux/models/flux2/pos_embed.h"
#include "mflux/models/flux2/time_guidance.h"

namespace mflux::flux2 {

/// What one evaluation is of. All arrays but the ids are of one type, that of the computation.
struct TransformerInput {
  mx::array hidden_states;         ///< image tokens [batch, tokens, in_channels], references last
  mx::array encoder_hidden_states; ///< text [batch, text tokens, joint_attention_dim]
  mx::array timestep;              ///< sigma, 1 to 0: [batch] or [1]
  Positions img;                   ///< from pos_embed.prepare(), once per run
  Positions txt;
  std::optional<mx::array> guidance{}; ///< scale: [batch] or [1]
};

/// The transformer of FLUX.2: predicts noise − image for every image token.
/// Reference: diffusers Flux2Transformer2DModel.
struct Flux2Transformer2DModel : nn::Module {
  Flux2Transformer2DModel(Scope here, const TransformerConfig& c)
      : Module(std::move(here)), config(c) {}

  /// [batch, tokens, patch_size² · out_channels], lazy. Throws Error for shapes that do not fit.
  mx::array operator()(const TransformerInput& input) const;

  /// [batch or 1, dim], of type `dtype`: what the modulations are made of. As in TransformerInput.
  mx::array embed_time(
      const mx::array& timestep, const std::optional<mx::array>& guidance, mx::Dtype dtype) const;

  TransformerConfig config;
  int dim = config.dim();
  PosEmbed pos_embed{at("pos_embed"), config.axes_dims_rope, config.rope_theta};
  TimestepGuidanceEmbeddings time_guidance_embed{
      at("time_guidance_embed"), config.timestep_guidance_channels, dim, config.guidance_embeds};
  Modulation double_stream_modulation_img{at("double_stream_modulation_img"), dim, 2};
  Modulation double_stream_modulation_txt{at("double_stream_modulation_txt"), dim, 2};
  Modulation single_stream_modulation{at("single_stream_modulation"), dim, 1};
  nn::Linear x_embedder{at("x_embedder"), config.in_channels, dim};
  nn::Linear context_embedder{at("context_embedder"), config.joint_attention_dim, dim};
  std::vector<TransformerBlock> transformer_blocks =
      nn::stack<TransformerBlock>(at("transformer_blocks"), config.num_layers, config);
  std::vector<SingleTransformerBlock> single_transformer_blocks = nn::stack<SingleTransformerBlock>(
      at("single_transformer_blocks"), config.num_single_layers, config);
  AdaLayerNormContinuous norm_out{at("norm_out"), dim, static_cast<float>(config.eps)};
  nn::Linear proj_out{at("proj_out"), dim, config.proj_channels()};

 private:
  void check(const TransformerInput& input) const;
};

/// Loads a diffusers folder (config.json and weights) to compute in float32 or bfloat16. Modules
/// report to `taps` unless it is null; the component's name there is usually "transformer".
/// Throws Error.
Flux2Transformer2DModel load_transformer(
    const std::filesystem::path& folder,
    mx::Dtype dtype,
    std::shared_ptr<capture::Taps> taps = nullptr);

} // namespace mflux::flux2
