#pragma once

#include <vector>

#include "mflux/artifacts/tensor.h"
#include "mflux/image/pixels.h"

namespace mflux::parity {

/// A picture of any depth, in levels from 0 to 255: 16-bit ones have fractions of levels.
struct Picture {
  int width = 0, height = 0, channels = 0; ///< grey, grey and alpha, RGB, RGBA
  std::vector<float> levels;               ///< row by row, pixel by pixel
};

/// What floating numbers mean: `image` holds [0, 1], `decoded` holds [-1, 1].
enum class FloatRange { unit, symmetric };

/// symmetric when the tensor has a negative number.
FloatRange range_of(const artifacts::Tensor& tensor);

/// A tensor as a picture, clamped: [H, W], [H, W, C] or [B, H, W, C], and [C, H, W] or [B, C, H,
/// W], which is preferred for floating numbers where both fit; C from 1 to 4, in front not 2.
/// uint8, uint16 or floating. Throws Error on other tensors, a batch item that is not there, NaN
/// and infinity, and floating numbers beyond 8, which are no such range.
Picture picture_of(const artifacts::Tensor& tensor, FloatRange range, int batch_item = 0);

/// 8-bit RGB; grey is spread, transparency laid over white.
Image to_rgb(const Picture& picture);

/// The channels without alpha: 1 or 3, transparency laid over white.
Picture without_alpha(const Picture& picture);

} // namespace mflux::parity
