#pragma once

#include "mflux/nn/fused/pending.h"
#include "mflux/vae/kl/decoder.h"
#include "mflux/vae/kl/encoder.h"

namespace mflux::kl {

/// Decoder and encoder without checkpoints: norm and SiLU are one operation, and biases and
/// residuals are added where the next norm reads. Same result up to rounding; shapes as theirs.
mx::array fused_decode(const Decoder& decoder, const mx::array& latents);
mx::array fused_encode(const Encoder& encoder, const mx::array& image);

} // namespace mflux::kl
