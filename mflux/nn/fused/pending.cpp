#include "mflux/nn/fused/pending.h"

namespace mflux::nn::fused {

mx::array settled(const Pending& image) {
  if (!image.added && !image.offset) {
    return image.x;
  }
  auto sum = mx::astype(image.x, mx::float32);
  if (image.added) {
    sum = mx::add(sum, mx::astype(*image.added, mx::float32));
  }
  if (image.offset) {
    sum = mx::add(sum, *image.offset);
  }
  return mx::astype(sum, image.x.dtype());
}

std::optional<mx::array> sum_of(
    const std::optional<mx::array>& a, const std::optional<mx::array>& b) {
  return a && b ? std::optional(mx::add(*a, *b)) : (a ? a : b);
}

} // namespace mflux::nn::fused
