#pragma once

#include <string>

#include "mflux/base/json.h"

namespace mflux::qwen3 {

/// config.json of transformers' Qwen3ForCausalLM and Qwen3Model, without what only training and
/// generating text use. Defaults are the class's.
struct Qwen3Config {
  int vocab_size = 151936;
  int hidden_size = 4096, intermediate_size = 22016;
  int num_hidden_layers = 32;
  int num_attention_heads = 32, num_key_value_heads = 32, head_dim = 128;
  int max_position_embeddings = 32768;
  double rms_norm_eps = 1e-6, rope_theta = 10000;
  bool attention_bias = false;
  bool has_lm_head = true; ///< of Qwen3ForCausalLM, whose other names begin with "model."
};

/// Reads a config; unknown keys are logged as warnings. Throws Error for values that this port does
/// not implement, for contradictory ones, and for another model's config. `where` names the file.
Qwen3Config parse_qwen3_config(const Json& json, const std::string& where);

} // namespace mflux::qwen3
