#pragma once

#include "mflux/artifacts/tensor.h"
#include "mlx/mlx.h"

namespace mflux::capture {

namespace mx = mlx::core;

/// The array, evaluated, as a tensor that shares its memory where it lies in C order.
artifacts::Tensor to_tensor(const mx::array& array);

/// The array as the reference holds it: [batch, …, channels] becomes [batch, channels, …].
mx::array channels_first(const mx::array& array);

/// The inverse.
mx::array channels_last(const mx::array& array);

} // namespace mflux::capture
