#pragma once

#include "mflux/models/flux2/transformer.h"

namespace mflux::flux2 {

/// The transformer without checkpoints: residual, gate, norm and modulation are one operation, as
/// are q/k norm with rotary embedding and SwiGLU with the join before the output projection. Same
/// result up to rounding; `input` as for operator(), checked by it.
mx::array fused_prediction(const Flux2Transformer2DModel& model, const TransformerInput& input);

} // namespace mflux::flux2
