#include "mflux/models/flux2/encode_tokens.h"

namespace mflux::flux2 {

using capture::Axes;

mx::array encode_tokens(
    const qwen3::TextEncoder& text_encoder,
    const qwen3::Tokens& tokens,
    const capture::Taps& taps,
    PromptUse use) {
  const bool is_positive = use == PromptUse::positive;
  qwen3::Tokens seen = tokens;
  if (is_positive) {
    seen.input_ids = taps.record("input_ids", tokens.input_ids, Axes::as_is);
  }
  if (is_positive && tokens.attention_mask) {
    seen.attention_mask = taps.record("attention_mask", *tokens.attention_mask, Axes::as_is);
  }
  return taps.record(
      is_positive ? "prompt_embeds" : "negative_prompt_embeds", text_encoder(seen), Axes::as_is);
}

} // namespace mflux::flux2
