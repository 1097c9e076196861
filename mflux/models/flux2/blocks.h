#pragma once

#include "mflux/models/flux2/attention.h"
#include "mflux/models/flux2/feed_forward.h"
#include "mflux/models/flux2/modulation.h"
#include "mflux/models/flux2/transformer_config.h"
#include "mflux/nn/layer_norm.h"

namespace mflux::flux2 {

/// A double-stream block: image and text tokens have their own weights and meet in the attention.
/// Modulations are [batch, 6 · dim]. Reference: diffusers Flux2TransformerBlock.
struct TransformerBlock : nn::Module {
  TransformerBlock(Scope here, const TransformerConfig& c) : Module(std::move(here)), config(c) {}

  Streams operator()(
      const Streams& input,
      const mx::array& temb_mod_img,
      const mx::array& temb_mod_txt,
      const nn::RotaryTables& rotary) const;

  TransformerConfig config;
  int dim = config.dim();
  float eps = static_cast<float>(config.eps);
  nn::LayerNorm norm1{at("norm1"), dim, eps}, norm1_context{at("norm1_context"), dim, eps};
  JointAttention attn{at("attn"), config};
  nn::LayerNorm norm2{at("norm2"), dim, eps};
  FeedForward ff{at("ff"), dim, config.mlp_dim()};
  nn::LayerNorm norm2_context{at("norm2_context"), dim, eps};
  FeedForward ff_context{at("ff_context"), dim, config.mlp_dim()};
};

/// A single-stream block on the joined tokens [text, image]; the modulation is [batch, 3 · dim].
/// Reference: diffusers Flux2SingleTransformerBlock.
struct SingleTransformerBlock : nn::Module {
  SingleTransformerBlock(Scope here, const TransformerConfig& c)
      : Module(std::move(here)), config(c) {}

  mx::array operator()(
      const mx::array& input, const mx::array& temb_mod, const nn::RotaryTables& rotary) const;

  TransformerConfig config;
  nn::LayerNorm norm{at("norm"), config.dim(), static_cast<float>(config.eps)};
  ParallelAttention attn{at("attn"), config};
};

} // namespace mflux::flux2
