#pragma once

#include <vector>

#include "mflux/parity/diagnose/field.h"

namespace mflux::parity {

/// A tensor as a stack of images: [B, C, H, W], [C, H, W] or, channels last, [B, H, W, C].
struct Planes {
  int64_t batch = 1, channels = 1, height = 1, width = 1;
  bool channels_last = false;

  int64_t count() const {
    return batch * channels;
  }

  /// Of an element, counted in C order; `plane` is batch * channels + channel.
  int64_t at(int64_t plane, int64_t y, int64_t x) const {
    return channels_last
               ? ((plane / channels * height + y) * width + x) * channels + plane % channels
               : (plane * height + y) * width + x;
  }
};

/// Every way to see a shape as images of at least 3 x 3.
std::vector<Planes> planes_of(const artifacts::Shape& shape);

/// Rows and columns at the border that hold zeros alone, in all planes.
struct Frame {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
};

Frame empty_frame(const Field& field, const Planes& planes);

} // namespace mflux::parity
