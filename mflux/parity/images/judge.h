#pragma once

#include "mflux/parity/verdict.h"

namespace mflux::parity {

/// A picture passes when no level is further off than this, of 255: a float32 run's rounding tips
/// some levels over.
inline constexpr double kMostLevels = 1;

/// JPEG spreads a level that tips over its block, so JPEGs pass from this PSNR on, in dB.
inline constexpr double kLeastJpegPsnr = 40;

/// What was decided of two pictures, and by what.
struct PictureDecision {
  bool passes = false;
  std::string rule;
};

/// By the rules above, or, with `most_levels`, by that number of levels alone.
PictureDecision decide(
    const PictureMetrics& metrics, bool is_lossy, std::optional<double> most_levels = {});

/// With the reference's picture of a wider type, ref32: `own` is the reference's distance from it,
/// `port32` the port's. The port may be `max_ratio` times as far in root mean square; INCONCLUSIVE
/// when the reference's own PSNR is below 20 dB, 10 % of scale. `own` must not be equal to ref32.
struct ThreeWayDecision {
  Verdict verdict = Verdict::fail;
  std::string rule;
  double ratio = 0;
};

ThreeWayDecision decide_against(
    const PictureMetrics& own, const PictureMetrics& port32, double max_ratio);

/// Whether both sides are pictures, or one is and the other has such levels.
bool is_picture(const Row& row);

/// Fills row.picture and its note. The tensors have the same shape.
void measure_picture(Row& row, const TensorPair& pair);

/// The verdict. Rules of parity.toml count when what they match ends in .png, .jpg or .jpeg, as in
/// "*.png": their atol is the number of levels. A picture that is further off passes still when
/// its ratio against ref32 does.
void judge_picture(Row& row, const std::vector<ToleranceRule>& rules, double max_ratio);

} // namespace mflux::parity
