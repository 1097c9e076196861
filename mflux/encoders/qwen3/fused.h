#pragma once

#include <vector>

#include "mflux/encoders/qwen3/model.h"

namespace mflux::qwen3 {

/// The hidden states 0 to depth() without checkpoints, before the final norm: residual and norm are
/// one operation, as are q/k norm with rotary embedding, and SwiGLU. Same result up to rounding.
std::vector<mx::array> fused_states(
    const Qwen3Model& model, const mx::array& embedded, const Context& context);

} // namespace mflux::qwen3
