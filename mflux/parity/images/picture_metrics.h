#pragma once

#include <string>
#include <vector>

#include "mflux/parity/images/picture.h"

namespace mflux::parity {

/// How far two pictures are apart. Levels are of 255, whatever the depth. max_levels, mean_levels
/// and psnr (dB, infinite for equal pictures) count every channel, alpha too; ssim and flip (the
/// mean of flip_map()) see the pictures laid over white.
struct PictureMetrics {
  double psnr = 0, ssim = 0, flip = 0;
  double max_levels = 0, mean_levels = 0;
};

/// Throws Error unless both have the same size and channels.
PictureMetrics measure_pictures(const Picture& ref, const Picture& port);

/// "PSNR 52.1 dB, SSIM 0.99912, FLIP 0.0031, levels apart: 1 at most, 0.02 on average".
std::string describe(const PictureMetrics& metrics);

} // namespace mflux::parity
