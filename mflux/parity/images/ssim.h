#pragma once

#include "mflux/parity/images/picture.h"

namespace mflux::parity {

/// Structural similarity (Wang et al. 2004), the mean over channels: Gaussian window of sigma 1.5
/// and 11 × 11 pixels, K1 0.01, K2 0.03, levels to 255. Reference: scikit-image's
/// structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
/// data_range=255, channel_axis=2). As there, only windows inside the picture count; where a side
/// is below 11 the window mirrors at the edges and what counts keeps (k - 1) / 2 pixels off them,
/// k the longest odd length that fits (its win_size=k). The pictures must be of one size and hold
/// the same channels.
double ssim(const Picture& a, const Picture& b);

} // namespace mflux::parity
