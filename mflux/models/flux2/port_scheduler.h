#pragma once

#include "mflux/models/port.h"

namespace mflux::flux2 {

/// The component "scheduler" of klein's port: the schedule of a dumped run, and every one of its
/// steps whose prediction the dump holds, each from the reference's latents.
models::Component scheduler_component();

} // namespace mflux::flux2
