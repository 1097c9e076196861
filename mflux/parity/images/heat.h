#pragma once

#include <vector>

#include "mflux/parity/images/picture.h"

namespace mflux::parity {

/// A map of numbers from 0 to 1, row by row, in the colours of matplotlib's "magma": black for 0,
/// through violet and orange to a light yellow for 1. image/png.h's encode_png() makes it a file.
Image heat_map(const std::vector<float>& map, int width, int height);

/// What heat_map() shows of two pictures of one size: their flip_map().
Image flip_heat(const Picture& ref, const Picture& port);

/// Pictures of one height beside each other, 4 white pixels between them. Throws Error when the
/// result would be wider than kLongestSide.
Image side_by_side(const std::vector<Image>& pictures);

} // namespace mflux::parity
