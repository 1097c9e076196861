#pragma once

#include "mflux/models/z_image/transformer_config.h"
#include "mflux/nn/layer_norm.h"
#include "mflux/nn/linear.h"
#include "mflux/nn/silu.h"
#include "mflux/nn/timestep_embedding.h"
#include "mflux/nn/twice_rounded_rms_norm.h"

namespace mflux::z_image {

/// Linear, SiLU, Linear. Reference: torch.nn.Sequential.
struct TimestepMlp : nn::Module {
  TimestepMlp(Scope here, int in, int inner, int out);

  mx::array operator()(const mx::array& input) const;

  nn::Linear first;
  nn::SiLU act;
  nn::Linear second;
};

/// Time steps [batch], any type → [batch, adaln_dim] in the weights' type. Reference: diffusers'
/// TimestepEmbedder (transformer_z_image.py).
struct TimestepEmbedder : nn::Module {
  TimestepEmbedder(Scope here, int width) : Module(std::move(here)), out(width) {}

  mx::array operator()(const mx::array& t) const;

  static constexpr int kFrequencies = 128, kInner = 1024;

  int out;
  TimestepMlp mlp{at("mlp"), 2 * kFrequencies, kInner, out};
  mx::array frequencies = nn::timestep_frequencies(kFrequencies);
};

/// Captions' features [tokens, cap_feat_dim] → [tokens, dim]: norm, then Linear.
/// Reference: torch.nn.Sequential.
struct CaptionEmbedder : nn::Module {
  CaptionEmbedder(Scope here, const TransformerConfig& c);

  mx::array operator()(const mx::array& features) const;

  nn::TwiceRoundedRMSNorm norm;
  nn::Linear linear;
};

/// The embedded time step [batch, adaln_dim] → a scale [batch, dim]: SiLU, then Linear.
/// Reference: torch.nn.Sequential.
struct FinalModulation : nn::Module {
  FinalModulation(Scope here, int in, int out);

  mx::array operator()(const mx::array& input) const;

  nn::SiLU act;
  nn::Linear linear;
};

/// Tokens [batch, tokens, dim] → patches. Reference: diffusers' FinalLayer
/// (transformer_z_image.py).
struct FinalLayer : nn::Module {
  FinalLayer(Scope here, const TransformerConfig& c) : Module(std::move(here)), config(c) {}

  mx::array operator()(const mx::array& x, const mx::array& c) const;

  TransformerConfig config;
  nn::LayerNorm norm_final{at("norm_final"), config.dim, 1e-6f};
  nn::Linear linear{at("linear"), config.dim, config.patch_channels(), nn::Bias::yes};
  FinalModulation adaLN_modulation{at("adaLN_modulation"), config.adaln_dim(), config.dim};
};

} // namespace mflux::z_image
