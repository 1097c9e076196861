#pragma once

#include <optional>

#include "mlx/mlx.h"

namespace mflux::nn::fused {

namespace mx = mlx::core;

/// An image [batch, height, width, channels] that is yet to be added up: x + added + offset, where
/// the offset is float32 [channels]. What reads it next does so on the way.
struct Pending {
  mx::array x;
  std::optional<mx::array> added{}, offset{};
};

/// Added up by operations of MLX.
mx::array settled(const Pending& image);

/// a + b of optional offsets.
std::optional<mx::array> sum_of(
    const std::optional<mx::array>& a, const std::optional<mx::array>& b);

} // namespace mflux::nn::fused
