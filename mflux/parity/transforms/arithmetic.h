#pragma once

#include "mflux/artifacts/tensor.h"

namespace mflux::parity {

/// `value` as the dtype holds it: rounded to nearest even, integers truncated. What is too large
/// for a floating dtype becomes infinite, NaN in float8_e4m3. Throws Error on NaN and values that
/// an integer dtype cannot hold.
double rounded(double value, artifacts::Dtype dtype);

/// x * factor + term in double precision, rounded to the tensor's dtype; integers become float64.
artifacts::Tensor scaled_and_shifted(const artifacts::Tensor& tensor, double factor, double term);

/// Every value rounded to `dtype`, then to the tensor's own.
artifacts::Tensor cast_there_and_back(const artifacts::Tensor& tensor, artifacts::Dtype dtype);

} // namespace mflux::parity
