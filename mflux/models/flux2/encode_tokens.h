#pragma once

#include "mflux/capture/taps.h"
#include "mflux/encoders/qwen3/encoder.h"

namespace mflux::flux2 {

/// What a prompt is for, as its checkpoint is called.
enum class PromptUse { positive, negative };

/// A prompt's tokens → [batch, tokens, hidden states · hidden], what the transformer reads.
/// Reference: Flux2KleinPipeline.encode_prompt behind the tokenizer. Checkpoints: input_ids and
/// attention_mask (of the positive one), text_encoder…, then prompt_embeds or
/// negative_prompt_embeds.
mx::array encode_tokens(
    const qwen3::TextEncoder& text_encoder,
    const qwen3::Tokens& tokens,
    const capture::Taps& taps,
    PromptUse use = PromptUse::positive);

} // namespace mflux::flux2
