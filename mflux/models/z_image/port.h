#pragma once

#include "mflux/models/port.h"

namespace mflux::z_image {

/// Z-Image-Turbo, of which the autoencoder is ported: vae.decode, vae.encode, vae.roundtrip.
models::Port z_image_port();

} // namespace mflux::z_image
