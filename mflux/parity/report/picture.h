#pragma once

#include <optional>
#include <string>

#include "mflux/artifacts/tensor.h"
#include "mflux/parity/dumps/dump.h"

namespace mflux::parity {

/// The PNG that a checkpoint shows, as a data URL; nothing for what is no picture. Pictures are the
/// pipeline's `image` ([B, 3, H, W] in [0, 1]) and `decoded` (the same in [-1, 1]), the first of a
/// batch; and files named *.png, *.jpg and *.jpeg ([H, W, 1 to 4] of uint8). Longer sides than
/// kLongestShown are thinned.
std::optional<std::string> picture_of(
    const Checkpoint& checkpoint, const artifacts::Tensor& tensor);

inline constexpr int64_t kLongestShown = 768;

} // namespace mflux::parity
