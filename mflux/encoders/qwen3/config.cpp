#include "mflux/encoders/qwen3/config.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "mflux/base/log.h"
#include "mflux/base/model_config.h"

namespace mflux::qwen3 {
namespace {

/// Far above any model; keeps products of two sizes within an int.
constexpr int kMostChannels = 1 << 20, kMostHeads = 1 << 10, kMostHeadDim = 1 << 10,
              kMostLayers = 1 << 10;

constexpr const char* kCausal = "Qwen3ForCausalLM";

void check(const Qwen3Config& c, const ModelConfig& checks) {
  checks.range("vocab_size", c.vocab_size, 1, 1 << 24);
  checks.range("hidden_size", c.hidden_size, 1, kMostChannels);
  checks.range("intermediate_size", c.intermediate_size, 1, kMostChannels);
  checks.range("num_hidden_layers", c.num_hidden_layers, 1, kMostLayers);
  checks.range("num_attention_heads", c.num_attention_heads, 1, kMostHeads);
  checks.range("num_key_value_heads", c.num_key_value_heads, 1, kMostHeads);
  checks.range("head_dim", c.head_dim, 1, kMostHeadDim);
  checks.range("max_position_embeddings", c.max_position_embeddings, 1, 1 << 30);
  if (c.num_attention_heads % c.num_key_value_heads != 0) {
    checks.fail(fmt::format(
        "num_key_value_heads {} does not divide num_attention_heads {}",
        c.num_key_value_heads,
        c.num_attention_heads));
  }
  if (c.head_dim % 2 != 0) {
    checks.fail(fmt::format("head_dim is {}, expected an even number", c.head_dim));
  }
  if (!(c.rms_norm_eps >= 0 && c.rms_norm_eps < 1e6)) {
    checks.fail(fmt::format("rms_norm_eps is {}, expected 0 or more", c.rms_norm_eps));
  }
  if (!(c.rope_theta > 0 && c.rope_theta < 1e30)) {
    checks.fail(fmt::format("rope_theta is {}, expected more than 0", c.rope_theta));
  }
}

/// transformers 5 writes rope_parameters {rope_type, rope_theta}; before, rope_theta stood by
/// itself and other types in rope_scaling. As there, the object's theta wins.
void read_rope(Qwen3Config& c, const Json& json, ModelConfig& checks) {
  auto& reader = checks.reader();
  c.rope_theta = reader.get("rope_theta", c.rope_theta);
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    reader.ignore(key);
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) {
      continue;
    }
    if (!found->is_object()) {
      checks.fail(fmt::format("{} is no object", key));
    }
    JsonReader rope(*found, fmt::format("{}: {}", checks.where(), key));
    const auto type = rope.get<std::string>("type", "default");
    checks.same(fmt::format("{}.rope_type", key), rope.get("rope_type", type), "default");
    c.rope_theta = rope.get("rope_theta", c.rope_theta);
    for (const auto& unknown : rope.unknown_keys()) { // with the default type, without effect
      log(LogLevel::warning,
          fmt::format("{}: {}: the key \"{}\" is unknown", checks.where(), key, unknown));
    }
  }
}

/// Attention over a window is what Qwen3's configs can ask for and its published models do not.
void refuse_windows(const Qwen3Config& c, ModelConfig& checks) {
  auto& reader = checks.reader();
  const bool is_windowed = reader.get("use_sliding_window", false);
  const auto window = reader.maybe<int>("sliding_window");
  const int full_layers = reader.get("max_window_layers", 28);
  const auto types = reader.maybe<std::vector<std::string>>("layer_types");
  if (types && types->size() != static_cast<size_t>(c.num_hidden_layers)) {
    checks.fail(fmt::format(
        "layer_types has {} entries and num_hidden_layers is {}; they must agree",
        types->size(),
        c.num_hidden_layers));
  }
  for (const auto& type : types.value_or(std::vector<std::string>{})) {
    checks.same("layer_types", type, "full_attention");
  }
  // Without types, the class derives them from these three; its default window is 4096.
  if (!types && is_windowed && full_layers < c.num_hidden_layers) {
    checks.fail(fmt::format(
        "use_sliding_window (a window of {} from layer {} on) is not implemented",
        window.value_or(4096),
        full_layers));
  }
}

void ignore_what_does_not_matter_here(JsonReader& reader) {
  for (const char* key :
       {"dtype",
        "torch_dtype",
        "attention_dropout",
        "initializer_range",
        "use_cache",
        "tie_word_embeddings",
        "pad_token_id",
        "bos_token_id",
        "eos_token_id",
        "transformers_version",
        "output_hidden_states",
        "output_attentions",
        "return_dict",
        "chunk_size_feed_forward",
        "is_encoder_decoder",
        "id2label",
        "label2id",
        "problem_type"}) {
    reader.ignore(key);
  }
}

} // namespace

Qwen3Config parse_qwen3_config(const Json& json, const std::string& where) {
  ModelConfig checks(json, where, {kCausal, "Qwen3Model"});
  auto& reader = checks.reader();

  Qwen3Config c;
  c.vocab_size = reader.get("vocab_size", c.vocab_size);
  c.hidden_size = reader.get("hidden_size", c.hidden_size);
  c.intermediate_size = reader.get("intermediate_size", c.intermediate_size);
  c.num_hidden_layers = reader.get("num_hidden_layers", c.num_hidden_layers);
  c.num_attention_heads = reader.get("num_attention_heads", c.num_attention_heads);
  const int key_value_heads = reader.has("num_key_value_heads") // null: as many as heads
                                  ? c.num_attention_heads
                                  : c.num_key_value_heads;
  c.num_key_value_heads = reader.maybe<int>("num_key_value_heads").value_or(key_value_heads);
  c.head_dim = reader.get("head_dim", c.head_dim);
  c.max_position_embeddings = reader.get("max_position_embeddings", c.max_position_embeddings);
  c.rms_norm_eps = reader.get("rms_norm_eps", c.rms_norm_eps);
  c.attention_bias = reader.get("attention_bias", c.attention_bias);
  c.has_lm_head = checks.class_name().value_or(kCausal) == kCausal;
  checks.same("model_type", reader.get<std::string>("model_type", "qwen3"), "qwen3");
  checks.same("hidden_act", reader.get<std::string>("hidden_act", "silu"), "silu");
  read_rope(c, json, checks);
  check(c, checks);
  refuse_windows(c, checks);
  ignore_what_does_not_matter_here(reader);
  checks.report_unknown();
  return c;
}

} // namespace mflux::qwen3
