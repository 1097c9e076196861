#pragma once

#include <string>

#include "mflux/models/flux2/components.h"

namespace mflux::flux2 {

/// What a prompt is for, as its checkpoint is called.
enum class PromptUse { positive, negative };

/// A prompt's tokens in the chat template, cut or padded to `length`.
tokenizers::Padded prompt_tokens(
    const tokenizers::Tokenizer& tokenizer, const std::string& prompt, int length);

/// The selected hidden states side by side: [1, length, joint_attention_dim]. Checkpoints:
/// input_ids and attention_mask (of the positive one), text_encoder…, prompt_embeds or
/// negative_prompt_embeds. Reference: Flux2KleinPipeline.encode_prompt.
mx::array encode_prompt(
    const Components& parts,
    const std::string& prompt,
    int length,
    PromptUse use,
    const capture::Taps& taps);

} // namespace mflux::flux2
