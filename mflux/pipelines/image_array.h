#pragma once

#include "mflux/image/pixels.h"
#include "mlx/mlx.h"

namespace mflux {

namespace mx = mlx::core;

/// A model's output [1, height, width, 3] in about [-1, 1] as the reference brings it to [0, 1]:
/// x/2 + 0.5, clamped. Same shape, float32.
mx::array to_unit_range(const mx::array& sample);

/// [1, height, width, 3] in [0, 1] as pixels: · 255, rounded half to even. Throws Error on NaN and
/// on other shapes.
Image to_image(const mx::array& unit);

/// The inverse of both: pixels as [1, height, width, 3] in [-1, 1], float32.
mx::array to_array(const Image& image);

} // namespace mflux
