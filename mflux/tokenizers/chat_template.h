#pragma once

#include <string>
#include <string_view>

namespace mflux::tokenizers {

/// `enable_thinking` of Qwen3's template. Off adds an empty <think> block for the answer: FLUX.2
/// klein prompts so, Z-Image with it on.
enum class Thinking { off, on };

/// What Qwen3's chat template makes of one user turn with add_generation_prompt. The prompt goes in
/// as it is: special strings in it become special tokens.
std::string qwen3_prompt(std::string_view prompt, Thinking thinking);

/// Whether a checkpoint's chat template (Jinja text) renders one user turn as qwen3_prompt() does.
/// Its statements must be those of Qwen3's templates wherever a user's turn without tools passes
/// (both wordings that Qwen published), or nothing but turns and the answer's beginning.
bool renders_as_qwen3(std::string_view jinja);

} // namespace mflux::tokenizers
