#pragma once

#include <vector>

#include "mlx/mlx.h"

namespace mflux::nn {

namespace mx = mlx::core;

/// All numbers, in order. Evaluates what is lazy; what was made on the host is read there, so that
/// a GPU's queue is not waited for.
std::vector<double> host_values(const mx::array& x);

} // namespace mflux::nn
