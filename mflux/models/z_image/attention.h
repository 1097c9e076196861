#pragma once

#include <optional>

#include "mflux/models/z_image/rope.h"
#include "mflux/nn/dropout.h"
#include "mflux/nn/linear.h"
#include "mflux/nn/twice_rounded_rms_norm.h"

namespace mflux::z_image {

/// Self-attention of x [batch, tokens, dim]; queries attend to the tokens for which `mask` [batch,
/// tokens] is true. Reference: diffusers Attention with ZSingleStreamAttnProcessor.
struct Attention : nn::Module {
  Attention(Scope here, const TransformerConfig& c)
      : Module(std::move(here)), dim(c.dim), head_dim(c.head_dim()), has_norms(c.qk_norm) {}

  mx::array operator()(
      const mx::array& x, const std::optional<mx::array>& mask, const Rotary& rotary) const;

  static constexpr double kEps = 1e-5; ///< whatever norm_eps is

  int dim, head_dim;
  bool has_norms;
  nn::Linear to_q{at("to_q"), dim, dim}, to_k{at("to_k"), dim, dim}, to_v{at("to_v"), dim, dim};
  std::optional<nn::TwiceRoundedRMSNorm> norm_q =
      nn::when<nn::TwiceRoundedRMSNorm>(has_norms, at("norm_q"), head_dim, kEps);
  std::optional<nn::TwiceRoundedRMSNorm> norm_k =
      nn::when<nn::TwiceRoundedRMSNorm>(has_norms, at("norm_k"), head_dim, kEps);
  nn::Linear to_out{at("to_out.0"), dim, dim};
  nn::Dropout dropout{at("to_out.1"), nn::Axes::as_is};
};

} // namespace mflux::z_image
