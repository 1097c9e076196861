#pragma once

#include "mflux/models/port.h"

namespace mflux::flux2 {

/// FLUX.2-klein: vae.decode, vae.encode, vae.roundtrip, latents.decode, text_encoder, transformer,
/// scheduler.
models::Port klein_port();

} // namespace mflux::flux2
