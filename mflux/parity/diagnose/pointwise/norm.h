#pragma once

#include "mflux/parity/diagnose/hypothesis.h"
#include "mflux/parity/diagnose/pointwise/norm_model.h"

namespace mflux::parity {

/// norm.eps, norm.mean and norm.groups, where the norm of the reference is known.
void propose_norm(
    const Case& at, const std::shared_ptr<const NormModel>& model, Proposals& proposals);

/// modulation.swapped and modulation.one, where the norm before it is known.
void propose_modulation(
    const Case& at, const std::shared_ptr<const NormModel>& model, Proposals& proposals);

} // namespace mflux::parity
