#pragma once

#include <optional>
#include <string>

#include "mflux/base/json.h"
#include "mflux/parity/verdict.h"

namespace mflux::parity {

/// What the page shows of a checkpoint that is a picture: data URLs of PNGs, "ref", "port" and
/// "flip" (the map of differences as they look), and "text", its numbers where no note of the row
/// says them; nothing for what is no picture. Pictures are PNGs and JPEGs of a dump, and the
/// pipeline's `image` ([B, 3, H, W] in [0, 1]) and `decoded` (the same in [-1, 1]), the first of a
/// batch. Those with longer sides than kLongestShown are shrunk.
std::optional<Json> pictures_json(const Row& row, const TensorPair& pair);

inline constexpr int kLongestShown = 768;

} // namespace mflux::parity
