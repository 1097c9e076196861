#pragma once

#include <cstdint>

#include "mlx/mlx.h"

namespace mflux::pipelines {

namespace mx = mlx::core;

/// The noise of a seed: float32 drawn from the standard normal distribution, in C order of `shape`.
///
/// The numbers are MLX's, not torch's: threefry2x32 under the key (seed >> 32, seed & 0xffffffff).
/// With m = ⌈n/2⌉, the counters (i, m + i) give number i and number m + i of n; for odd n the last
/// are (m − 1, 0), whose second output is dropped. 32 bits b become u = min(b / 2³², 1 − 2⁻²⁴) and
/// x = √2 · erf⁻¹(2u − (1 − 2⁻²⁴)), all in float32.
mx::array draw_noise(uint64_t seed, const mx::Shape& shape);

} // namespace mflux::pipelines
