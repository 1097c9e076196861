#pragma once

#include <optional>

#include "mlx/mlx.h"

namespace mflux::nn::fused {

namespace mx = mlx::core;

/// `width` columns of an array [batch, tokens, …], from a column on.
struct Part {
  mx::array all;
  int begin = 0;
};

/// silu(gate) · up, [batch, tokens, width]; behind `first` [batch, tokens, …] where there is one.
mx::array join_swiglu(
    const std::optional<mx::array>& first, const Part& gate, const Part& up, int width);

} // namespace mflux::nn::fused
