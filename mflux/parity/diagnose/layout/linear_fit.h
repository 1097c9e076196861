#pragma once

#include <optional>

#include "mflux/parity/diagnose/field.h"

namespace mflux::parity {

/// y [rows, out] predicted as a linear layer of x [rows, in]: each half of the rows by the layer
/// that fits the other half best, so that no row is learnt by heart. Nothing where there are too
/// few rows, too many numbers, or where x says too little.
std::optional<Field> fit_linear(const Field& x, const Field& y);

} // namespace mflux::parity
