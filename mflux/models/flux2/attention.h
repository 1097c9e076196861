#pragma once

#include <optional>

#include "mflux/models/flux2/feed_forward.h"
#include "mflux/models/flux2/transformer_config.h"
#include "mflux/nn/dropout.h"
#include "mflux/nn/linear.h"
#include "mflux/nn/rms_norm.h"
#include "mflux/nn/rotary.h"

namespace mflux::flux2 {

/// The two streams of tokens, each [batch, tokens, dim].
struct Streams {
  mx::array image, text;
};

/// Image and text tokens attend to each other, joined as [text, image]; the tables are theirs in
/// that order. Reference: diffusers Flux2Attention with Flux2AttnProcessor.
struct JointAttention : nn::Module {
  JointAttention(Scope here, const TransformerConfig& c)
      : Module(std::move(here)),
        heads(c.num_attention_heads),
        head_dim(c.attention_head_dim),
        eps(static_cast<float>(c.eps)) {}

  Streams operator()(const Streams& input, const nn::RotaryTables& rotary) const;

  /// Puts the projections' weights together: to_qkv, add_qkv.
  void join();

  int heads, head_dim;
  float eps;
  int dim = heads * head_dim;
  nn::Linear to_q{at("to_q"), dim, dim}, to_k{at("to_k"), dim, dim}, to_v{at("to_v"), dim, dim};
  nn::RMSNorm norm_q{at("norm_q"), head_dim, eps}, norm_k{at("norm_k"), head_dim, eps};
  nn::Linear to_out{at("to_out.0"), dim, dim};
  nn::Dropout dropout{at("to_out.1"), nn::Axes::as_is};
  nn::RMSNorm norm_added_q{at("norm_added_q"), head_dim, eps};
  nn::RMSNorm norm_added_k{at("norm_added_k"), head_dim, eps};
  nn::Linear add_q_proj{at("add_q_proj"), dim, dim}, add_k_proj{at("add_k_proj"), dim, dim};
  nn::Linear add_v_proj{at("add_v_proj"), dim, dim};
  nn::Linear to_add_out{at("to_add_out"), dim, dim};
  std::optional<mx::array> to_qkv, add_qkv; ///< [3 · dim, dim] once joined
};

/// Attention and feed-forward side by side, on the joined tokens [batch, tokens, dim]: one
/// projection into both, one out of both.
/// Reference: diffusers Flux2ParallelSelfAttention with Flux2ParallelSelfAttnProcessor.
struct ParallelAttention : nn::Module {
  ParallelAttention(Scope here, const TransformerConfig& c)
      : Module(std::move(here)),
        heads(c.num_attention_heads),
        head_dim(c.attention_head_dim),
        mlp_dim(c.mlp_dim()),
        eps(static_cast<float>(c.eps)) {}

  mx::array operator()(const mx::array& input, const nn::RotaryTables& rotary) const;

  int heads, head_dim, mlp_dim;
  float eps;
  int dim = heads * head_dim;
  nn::Linear to_qkv_mlp_proj{at("to_qkv_mlp_proj"), dim, 3 * dim + 2 * mlp_dim};
  SwiGLU mlp_act_fn{at("mlp_act_fn")};
  nn::RMSNorm norm_q{at("norm_q"), head_dim, eps}, norm_k{at("norm_k"), head_dim, eps};
  nn::Linear to_out{at("to_out"), dim + mlp_dim, dim};
};

} // namespace mflux::flux2
