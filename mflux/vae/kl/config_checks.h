#pragma once

#include <string>
#include <vector>

#include "mflux/base/model_config.h"

namespace mflux::kl {

/// Far above any model; keeps products of two sizes within an int.
inline constexpr int kMostChannels = 1 << 14, kMostLayers = 64;

/// Throws Error unless there are 1 to 8 channel counts, each a multiple of the norm's `groups`.
void check_channels(
    const ModelConfig& checks, const std::string& key, const std::vector<int>& values, int groups);

/// Throws Error unless each of `levels` blocks is of the type `only`, all that is implemented.
void check_blocks(
    const ModelConfig& checks,
    const std::string& key,
    const std::vector<std::string>& types,
    const std::string& only,
    size_t levels);

} // namespace mflux::kl
