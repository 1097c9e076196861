#pragma once

#include <optional>

#include "mflux/encoders/qwen3/rotary_embedding.h"
#include "mflux/nn/linear.h"
#include "mflux/nn/twice_rounded_rms_norm.h"

namespace mflux::qwen3 {

/// What every layer is told besides the hidden states.
struct Context {
  Positions positions;
  mx::array causal; ///< booleans [1, 1, tokens, tokens]: a token attends to those up to itself
  /// Only when some token is padding, which nobody attends to: [batch, 1, tokens, tokens].
  std::optional<mx::array> mask{};
  bool leaves_blind = false; ///< some query may attend to nobody
};

/// Each token attends to itself and earlier ones; neighbouring heads share keys and values.
/// Reference: transformers Qwen3Attention.
struct Attention : nn::Module {
  Attention(Scope here, const Qwen3Config& c) : Module(std::move(here)), config(c) {}

  /// [batch, tokens, hidden] → the same shape.
  mx::array operator()(const mx::array& hidden_states, const Context& context) const;

  /// Makes one product of the three projections, unless they have biases.
  void join();

  Qwen3Config config;
  int queries = config.num_attention_heads * config.head_dim;
  int keys = config.num_key_value_heads * config.head_dim;
  nn::Bias bias = config.attention_bias ? nn::Bias::yes : nn::Bias::no;

  nn::Linear q_proj{at("q_proj"), config.hidden_size, queries, bias};
  nn::Linear k_proj{at("k_proj"), config.hidden_size, keys, bias};
  nn::Linear v_proj{at("v_proj"), config.hidden_size, keys, bias};
  nn::Linear o_proj{at("o_proj"), queries, config.hidden_size, bias};
  nn::TwiceRoundedRMSNorm q_norm{at("q_norm"), config.head_dim, config.rms_norm_eps};
  nn::TwiceRoundedRMSNorm k_norm{at("k_norm"), config.head_dim, config.rms_norm_eps};
  std::optional<mx::array> qkv; ///< the three projections' weights once join() put them together
};

} // namespace mflux::qwen3
