#include "mflux/models/flux2/prompt.h"

#include <vector>

#include "mflux/pipelines/denoise.h"

namespace mflux::flux2 {

namespace {

/// One row, as wide as the reference's.
mx::array row(const std::vector<int32_t>& values) {
  const std::vector<int64_t> wide(values.begin(), values.end());
  return mx::array(wide.data(), {1, static_cast<int>(wide.size())}, mx::int64);
}

} // namespace

tokenizers::Padded prompt_tokens(
    const tokenizers::Tokenizer& tokenizer, const std::string& prompt, int length) {
  const auto text = tokenizer.chat_prompt(prompt, tokenizers::Thinking::off);
  return tokenizer.pad(tokenizer.encode(text), length);
}

mx::array encode_prompt(
    const Components& parts,
    const std::string& prompt,
    int length,
    PromptUse use,
    const capture::Taps& taps) {
  const auto tokens = prompt_tokens(parts.tokenizer, prompt, length);
  const auto embeds = encode_tokens(
      parts.text_encoder,
      {.input_ids = row(tokens.ids), .attention_mask = row(tokens.mask)},
      taps,
      use);
  pipelines::check_finite(
      embeds, use == PromptUse::positive ? "prompt_embeds" : "negative_prompt_embeds");
  return embeds;
}

} // namespace mflux::flux2
