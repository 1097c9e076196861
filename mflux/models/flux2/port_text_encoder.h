#pragma once

#include "mflux/models/port.h"

namespace mflux::flux2 {

/// Token ids of a dump → prompt_embeds.
models::Component text_encoder_component();

} // namespace mflux::flux2
