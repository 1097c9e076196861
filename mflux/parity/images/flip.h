#pragma once

#include <vector>

#include "mflux/parity/images/picture.h"

namespace mflux::parity {

/// How different two pictures look when one flips to the other, per pixel from 0 to 1, row by row:
/// LDR-FLIP (Andersson et al., "FLIP: A Difference Evaluator for Alternating Images", 2020) at 67
/// pixels per degree. Reference: flip-evaluator 1.7. sRGB; grey counts as RGB. The pictures must be
/// of one size and without alpha.
std::vector<float> flip_map(const Picture& ref, const Picture& port);

} // namespace mflux::parity
