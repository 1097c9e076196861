#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mflux/tokenizers/added_tokens.h"
#include "mflux/tokenizers/bpe.h"

namespace mflux::tokenizers {

/// What a tokenizer's folder says.
struct TokenizerFiles {
  std::vector<std::pair<std::string, int32_t>> vocabulary; ///< byte-level spelling, id
  std::vector<Merge> merges;
  std::vector<AddedToken> added;
  std::string pad_token;
  std::optional<std::string> chat_template;
};

/// Reads a folder as transformers 5 does for Qwen2Tokenizer: tokenizer.json, else vocab.json and
/// merges.txt; tokenizer_config.json for added tokens and the padding token; the chat template from
/// chat_template.jinja, else from tokenizer_config.json. Whatever would make other ids than Qwen's
/// (another model, normaliser or pre-tokenizer, options of added tokens, sides) is refused by name.
/// Throws Error.
TokenizerFiles read_tokenizer_files(const std::filesystem::path& folder);

} // namespace mflux::tokenizers
