#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mflux/base/json.h"
#include "mflux/tokenizers/files.h"

namespace mflux::tokenizers {

/// Vocabulary, merges and added tokens of a tokenizer.json, which must describe Qwen's pipeline:
/// NFC, the words of words.h, byte-level BPE, nothing added around the text. Throws Error.
void read_tokenizer_json(const std::filesystem::path& path, TokenizerFiles& files);

/// The same from vocab.json and merges.txt. Throws Error.
void read_vocabulary(const std::filesystem::path& path, TokenizerFiles& files);
void read_merges(const std::filesystem::path& path, TokenizerFiles& files);

/// One added token of tokenizer.json or of tokenizer_config.json's added_tokens_decoder. Throws
/// Error on options that would change where it matches.
AddedToken read_added_token(const Json& entry, int32_t id, const std::string& where);

} // namespace mflux::tokenizers
