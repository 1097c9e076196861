#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "mflux/models/z_image/block.h"
#include "mflux/models/z_image/embedders.h"

namespace mflux::z_image {

/// What one evaluation is of; as many images as captions.
struct TransformerInput {
  std::vector<mx::array> x; ///< latents, each [in_channels, frames, height, width], of one type
  mx::array t;              ///< 1 − sigma, from 0 (noise) to 1: [batch], kept in its own type
  std::vector<mx::array> cap_feats; ///< captions, each [tokens, cap_feat_dim], of the latents' type
};

/// The transformer of Z-Image: predicts, for every image, image − noise (the pipeline negates it).
/// Reference: diffusers ZImageTransformer2DModel in its basic mode.
struct ZImageTransformer2DModel : nn::Module {
  ZImageTransformer2DModel(Scope here, const TransformerConfig& c)
      : Module(std::move(here)), config(c) {}

  /// Predictions of the latents' shapes, lazy. Throws Error for shapes that do not fit, and for
  /// more tokens along an axis than it has positions.
  std::vector<mx::array> operator()(const TransformerInput& input) const;

  TransformerConfig config;
  Scope patches(const char* what) const;

  nn::Linear all_x_embedder{
      patches("all_x_embedder"), config.patch_channels(), config.dim, nn::Bias::yes};
  FinalLayer all_final_layer{patches("all_final_layer"), config};
  std::vector<TransformerBlock> noise_refiner =
      nn::stack<TransformerBlock>(at("noise_refiner"), config.n_refiner_layers, config, true);
  std::vector<TransformerBlock> context_refiner =
      nn::stack<TransformerBlock>(at("context_refiner"), config.n_refiner_layers, config, false);
  TimestepEmbedder t_embedder{at("t_embedder"), config.adaln_dim()};
  CaptionEmbedder cap_embedder{at("cap_embedder"), config};
  mx::array x_pad_token = parameter("x_pad_token", {1, config.dim});     ///< for added patches
  mx::array cap_pad_token = parameter("cap_pad_token", {1, config.dim}); ///< for added features
  std::vector<TransformerBlock> layers =
      nn::stack<TransformerBlock>(at("layers"), config.n_layers, config, true);

 private:
  void check(const TransformerInput& input) const;
};

/// Loads a diffusers folder (config.json and weights) to compute in float32 or bfloat16. Modules
/// report to `taps` unless it is null; the component's name there is usually "transformer".
/// Throws Error.
ZImageTransformer2DModel load_transformer(
    const std::filesystem::path& folder,
    mx::Dtype dtype,
    std::shared_ptr<capture::Taps> taps = nullptr);

} // namespace mflux::z_image
