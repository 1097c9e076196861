#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mflux/tokenizers/chat_template.h"

namespace mflux::tokenizers {

/// A prompt as a model takes it, cut or padded on the right.
struct Padded {
  std::vector<int32_t> ids;  ///< as many as asked for; the padding token fills up
  std::vector<int32_t> mask; ///< 1 for tokens, 0 for padding
  size_t length = 0;         ///< tokens before the padding
  size_t dropped = 0;        ///< tokens of the end that did not fit
};

/// Qwen2's and Qwen3's tokenizer. Mirrors transformers.Qwen2Tokenizer (5.23 on tokenizers 0.23.3),
/// id for id: NFC by Unicode 9.0, words by Unicode 16.0's classes, byte-level BPE.
class Tokenizer {
 public:
  /// Reads a tokenizer's folder (tokenizer.json, or vocab.json and merges.txt; see files.h). Throws
  /// Error, naming the file, where it is damaged or not Qwen's kind.
  static Tokenizer load(const std::filesystem::path& folder);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// The ids of `text`, nothing added. Strings of added tokens ("<|im_end|>") become those tokens.
  /// Throws Error with the byte's position where it is not UTF-8.
  std::vector<int32_t> encode(std::string_view text) const;

  /// The bytes that `ids` stand for, added tokens included. Not always UTF-8: a token may end
  /// inside of a character. Throws Error on an id that is none.
  std::string decode(std::span<const int32_t> ids) const;

  /// `prompt` as one user turn of the checkpoint's chat template, the answer begun. Throws Error
  /// when the checkpoint has no template, or one that is not Qwen3's.
  std::string chat_prompt(std::string_view prompt, Thinking thinking) const;

  /// As tokenizer(text, padding="max_length", truncation=True, max_length=…): ids beyond
  /// `max_length` are dropped, the template's end first. Throws Error if it is below 1.
  Padded pad(std::span<const int32_t> ids, int max_length) const;

  /// Ids run from 0 to size() - 1.
  size_t size() const;
  int32_t padding_id() const;

  /// Whether `id` is a control token (<|im_end|>), and whether it is an added one at all (<think>).
  bool is_special(int32_t id) const;
  bool is_added(int32_t id) const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<const State> state);

  std::unique_ptr<const State> state_;
};

} // namespace mflux::tokenizers
