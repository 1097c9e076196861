#pragma once

#include <optional>

#include "mflux/models/z_image/attention.h"

namespace mflux::z_image {

/// w2(SiLU(w1 x) · w3 x). Reference: diffusers' FeedForward (transformer_z_image.py).
struct FeedForward : nn::Module {
  FeedForward(Scope here, int width, int inner_width)
      : Module(std::move(here)), dim(width), inner(inner_width) {}

  mx::array operator()(const mx::array& input) const;

  int dim, inner;
  nn::Linear w1{at("w1"), dim, inner}, w2{at("w2"), inner, dim}, w3{at("w3"), dim, inner};
};

/// The embedded time step [batch, adaln_dim] → [batch, 4 · dim]. Reference: torch.nn.Sequential of
/// one Linear.
struct Modulation : nn::Module {
  Modulation(Scope here, int in, int out)
      : Module(std::move(here)), linear{at("0"), in, out, nn::Bias::yes} {}

  mx::array operator()(const mx::array& input) const;

  nn::Linear linear;
};

/// Attention and feed-forward on x [batch, tokens, dim], each between two norms; what comes back is
/// gated by tanh where the block is modulated. Reference: diffusers ZImageTransformerBlock.
struct TransformerBlock : nn::Module {
  TransformerBlock(Scope here, const TransformerConfig& c, bool modulated)
      : Module(std::move(here)), config(c), is_modulated(modulated) {}

  /// `adaln` [batch, adaln_dim], only of a modulated block.
  mx::array operator()(
      const mx::array& x,
      const std::optional<mx::array>& mask,
      const Rotary& rotary,
      const std::optional<mx::array>& adaln = std::nullopt) const;

  TransformerConfig config;
  bool is_modulated;
  int dim = config.dim;
  Attention attention{at("attention"), config};
  FeedForward feed_forward{at("feed_forward"), dim, config.ffn_dim()};
  nn::TwiceRoundedRMSNorm attention_norm1{at("attention_norm1"), dim, config.norm_eps};
  nn::TwiceRoundedRMSNorm ffn_norm1{at("ffn_norm1"), dim, config.norm_eps};
  nn::TwiceRoundedRMSNorm attention_norm2{at("attention_norm2"), dim, config.norm_eps};
  nn::TwiceRoundedRMSNorm ffn_norm2{at("ffn_norm2"), dim, config.norm_eps};
  std::optional<Modulation> adaLN_modulation = nn::when<Modulation>(
      is_modulated, at("adaLN_modulation"), config.adaln_dim(), 4 * config.dim);
};

/// (1 + scale) · x, rounded once; scale is [batch, 1, dim].
mx::array scaled(const mx::array& x, const mx::array& scale);

} // namespace mflux::z_image
