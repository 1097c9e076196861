#pragma once

#include "mflux/parity/diagnose/attention/model.h"

namespace mflux::parity {

/// What an attention's masks would be with a bug: causal or not, padding hidden or not.
std::vector<SetupVariant> mask_variants(const Case& at, const Model& model);

/// The length of each batch's prefix of keys that, alone seen, gives the field best from `parts`,
/// as a mask; nothing when all keys do.
std::shared_ptr<const Bias> padding_in(
    const Site& site, const Projections& parts, const Setup& setup, const Field& field);

} // namespace mflux::parity
