#pragma once

#include "mflux/models/port.h"

namespace mflux::z_image {

/// Z-Image-Turbo, of which the autoencoder and the transformer are ported: vae.decode,
/// vae.encode, vae.roundtrip, transformer.
models::Port z_image_port();

} // namespace mflux::z_image
