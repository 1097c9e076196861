#pragma once

#include <string>

#include "mflux/models/flux2/components.h"
#include "mflux/models/flux2/encode_tokens.h"

namespace mflux::flux2 {

/// A prompt's tokens in the chat template, cut or padded to `length`.
tokenizers::Padded prompt_tokens(
    const tokenizers::Tokenizer& tokenizer, const std::string& prompt, int length);

/// The selected hidden states side by side: [1, length, joint_attention_dim]. Checkpoints:
/// encode_tokens'. Reference: Flux2KleinPipeline.encode_prompt.
mx::array encode_prompt(
    const Components& parts,
    const std::string& prompt,
    int length,
    PromptUse use,
    const capture::Taps& taps);

} // namespace mflux::flux2
