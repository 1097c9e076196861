#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "mflux/encoders/qwen3/model.h"

namespace mflux::qwen3 {

/// A checkpoint of Qwen3ForCausalLM or Qwen3Model as a text encoder: it gives hidden states, and
/// never the next token. Reference: what Flux2KleinPipeline makes of its text_encoder.
struct TextEncoder : nn::Module {
  TextEncoder(Scope here, const Qwen3Config& c, std::vector<int> wanted_states)
      : Module(std::move(here)), config(c), wanted(std::move(wanted_states)) {}

  /// The wanted hidden states side by side: [batch, tokens, count · hidden].
  mx::array operator()(const Tokens& tokens) const;

  /// Globs over the parameters that no wanted hidden state depends on.
  std::vector<std::string> unused_by_design() const;

  Qwen3Config config;
  std::vector<int> wanted; ///< as Qwen3Model's

  Qwen3Model model{config.has_lm_head ? at("model") : here(), config, wanted};
};

/// Loads a transformers folder (config.json and weights), of which only what `wanted` hidden states
/// need is read. Modules report to `taps` unless it is null; the component's name there is usually
/// "text_encoder". Throws Error.
TextEncoder load_text_encoder(
    const std::filesystem::path& folder,
    mx::Dtype dtype,
    const std::vector<int>& wanted,
    std::shared_ptr<capture::Taps> taps = nullptr);

} // namespace mflux::qwen3
