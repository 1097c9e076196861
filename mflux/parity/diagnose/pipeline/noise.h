#pragma once

#include <optional>

#include "mflux/parity/diagnose/diagnose.h"
#include "mflux/parity/diagnose/scene.h"

namespace mflux::parity {

/// noise.accumulation, at the first divergence: every failing checkpoint is off by no more than
/// rounding adds up to, no step stands out, and the errors have no structure. Only without ref32,
/// which decides that by itself; nothing when any of it does not hold.
std::optional<Cause> noise_alone(const Scene& scene);

} // namespace mflux::parity
