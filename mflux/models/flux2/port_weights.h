#pragma once

#include <vector>

#include "mflux/models/port.h"

namespace mflux::flux2 {

/// text_encoder, transformer, vae.
std::vector<models::WeightsComponent> klein_weights();

} // namespace mflux::flux2
