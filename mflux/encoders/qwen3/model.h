#pragma once

#include <optional>
#include <vector>

#include "mflux/encoders/qwen3/layer.h"
#include "mflux/nn/embedding.h"

namespace mflux::qwen3 {

/// Token ids, integers [batch, tokens], and which of them are no padding: integers or booleans of
/// the same shape, 0 for padding; without it none is.
struct Tokens {
  mx::array input_ids;
  std::optional<mx::array> attention_mask{};
};

/// Gives `wanted` back. Throws Error unless it names hidden states that the model has: at least
/// one, 0 to num_hidden_layers.
std::vector<int> checked_hidden_states(const Qwen3Config& config, std::vector<int> wanted);

/// The layers of Qwen3 up to the last hidden state that is `wanted`: 0 is the embedding's output, k
/// that of layer k − 1, and the last one, num_hidden_layers, is behind the final norm. What comes
/// later is neither loaded nor run. Reference: transformers Qwen3Model.
struct Qwen3Model : nn::Module {
  Qwen3Model(Scope here, const Qwen3Config& c, std::vector<int> wanted_states)
      : Module(std::move(here)),
        config(c),
        wanted(checked_hidden_states(c, std::move(wanted_states))) {}

  /// The wanted hidden states, [batch, tokens, hidden] each, in that order. Throws Error for ids
  /// that the vocabulary has not and for shapes that do not fit.
  std::vector<mx::array> operator()(const Tokens& tokens) const;

  /// How many layers run.
  int depth() const;

  /// Joins the weights of the layers' projections, for the fused path.
  void join();

  Qwen3Config config;
  std::vector<int> wanted;

  nn::Embedding embed_tokens{at("embed_tokens"), config.vocab_size, config.hidden_size};
  RotaryEmbedding rotary_emb{at("rotary_emb"), config};
  std::vector<DecoderLayer> layers = nn::stack<DecoderLayer>(at("layers"), depth(), config);
  std::optional<nn::TwiceRoundedRMSNorm> norm = nn::when<nn::TwiceRoundedRMSNorm>(
      depth() == config.num_hidden_layers, at("norm"), config.hidden_size, config.rms_norm_eps);

 private:
  std::vector<mx::array> layer_by_layer(const mx::array& embedded, const Context& context) const;
};

} // namespace mflux::qwen3
