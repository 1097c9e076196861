#pragma once

#include "mflux/parity/diagnose/field.h"

namespace mflux::parity {

/// The largest part of the error's energy, of 1, that a scale and an offset for each slice along
/// some axes, or a curve of the reference's values, would explain beyond chance. Rounding leaves
/// next to nothing; another eps, scale, bias, mask or activation nearly all.
double explained_by_structure(const Field& ref, const Field& port);

} // namespace mflux::parity
