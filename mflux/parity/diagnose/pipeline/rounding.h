#pragma once

#include <span>
#include <string_view>

namespace mflux::parity {

/// A way in which values lose digits. Each is monotonic, so what lies between two values is rounded
/// between their roundings.
struct Rounding {
  std::string_view name; ///< "bfloat16", "bfloat16, truncated", "integers", "levels of 255"
  double (*apply)(double);
  double unit; ///< the largest relative error; 0 where steps are absolute
};

/// To floating types of fewer digits: nearest, then truncated. Values that overflow become
/// infinite.
std::span<const Rounding> narrower_types();

/// To whole numbers: nearest, towards zero; and to the 255 levels of a picture in [0, 1] or
/// [-1, 1].
std::span<const Rounding> grids();

/// What TF32 keeps of a float32: ten bits of the significand, rounded to nearest or cut off.
double to_tf32(double value);
double cut_to_tf32(double value);

double to_bfloat16(double value);
double cut_to_bfloat16(double value);
double to_float16(double value);

} // namespace mflux::parity
