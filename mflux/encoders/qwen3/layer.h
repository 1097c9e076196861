#pragma once

#include "mflux/encoders/qwen3/attention.h"
#include "mflux/encoders/qwen3/mlp.h"

namespace mflux::qwen3 {

/// x + attention, then x + MLP, each behind its norm. Reference: transformers Qwen3DecoderLayer.
struct DecoderLayer : nn::Module {
  DecoderLayer(Scope here, const Qwen3Config& c) : Module(std::move(here)), config(c) {}

  /// [batch, tokens, hidden] → the same shape.
  mx::array operator()(const mx::array& hidden_states, const Context& context) const;

  Qwen3Config config;

  nn::TwiceRoundedRMSNorm input_layernorm{
      at("input_layernorm"), config.hidden_size, config.rms_norm_eps};
  Attention self_attn{at("self_attn"), config};
  nn::TwiceRoundedRMSNorm post_attention_layernorm{
      at("post_attention_layernorm"), config.hidden_size, config.rms_norm_eps};
  MLP mlp{at("mlp"), config};
};

} // namespace mflux::qwen3
