#pragma once

#include <functional>

#include "mflux/artifacts/tensor.h"
#include "mlx/mlx.h"

namespace mflux {

namespace mx = mlx::core;

/// An array as lazy_array() makes it, whose elements go straight into the device's own memory: MLX
/// reads them as it reads its files. (What a primitive allocates through MLX's public interface is
/// memory that CUDA moves page by page.) Throws Error for float64.
mx::array device_array(
    const mx::Shape& shape, mx::Dtype dtype, std::function<artifacts::Tensor()> read);

} // namespace mflux
