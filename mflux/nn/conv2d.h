#pragma once

#include <cstdint>

#include "mflux/nn/module.h"

namespace mflux::nn {

/// Convolution of images [batch, height, width, in] → [batch, height', width', out], with bias.
/// Reference: torch.nn.Conv2d, whose OIHW weight is turned to MLX's OHWI here.
struct Conv2d : Module {
  struct Options {
    int kernel = 3, stride = 1, padding = 0;
  };

  Conv2d(Scope here, int in, int out, const Options& how);

  mx::array operator()(const mx::array& input) const;

  /// The same but for the bias, which `offset` is; without checkpoints.
  mx::array without_bias(const mx::array& input) const;

  Options options;
  mx::array weight; ///< [out, kernel, kernel, in]
  mx::array bias;
  mx::array offset; ///< the bias in float32

 private:
  mx::array convolved(const mx::array& x) const; ///< in x's type
};

/// MLX's CPU backend copies kernel² · channels numbers for every output pixel; it gets as many rows
/// at a time as fit into this many (256 MB of float32).
inline constexpr int64_t kMaxUnfolded = int64_t{1} << 26;

/// The convolution alone, of x [batch, height, width, in] with weight [out, kernel, kernel, in], in
/// strips of rows of at most `max_unfolded` copied numbers (at least one row).
mx::array convolve(
    const mx::array& x, const mx::array& weight, int stride, int padding, int64_t max_unfolded);

} // namespace mflux::nn
