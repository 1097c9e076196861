#include "mflux/pipelines/image_array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mflux/base/error.h"

namespace mflux {

mx::array to_unit_range(const mx::array& sample) {
  const auto x = mx::astype(sample, mx::float32);
  const auto unit = mx::add(mx::multiply(x, mx::array(0.5f)), mx::array(0.5f));
  return mx::clip(unit, mx::array(0.0f), mx::array(1.0f));
}

Image to_image(const mx::array& unit) {
  if (unit.ndim() != 4 || unit.shape(0) != 1 || unit.shape(3) != 3) {
    const auto& shape = unit.shape();
    throw Error(fmt::format(
        "an image is [{}], expected [1, height, width, 3]",
        fmt::join(shape.begin(), shape.end(), ", ")));
  }
  auto holds_nan = mx::any(mx::isnan(unit));
  const auto levels = mx::round(mx::multiply(mx::astype(unit, mx::float32), mx::array(255.0f)));
  auto bytes = mx::contiguous(mx::astype(levels, mx::uint8));
  mx::eval(bytes, holds_nan);
  if (holds_nan.item<bool>()) {
    throw Error("the image holds NaN; nothing was written");
  }
  const auto* first = bytes.data<uint8_t>();
  return {.width = unit.shape(2), .height = unit.shape(1), .rgb = {first, first + bytes.size()}};
}

mx::array to_array(const Image& image) {
  const mx::array bytes(image.rgb.data(), {1, image.height, image.width, 3}, mx::uint8);
  const auto unit = mx::divide(mx::astype(bytes, mx::float32), mx::array(255.0f));
  return mx::subtract(mx::multiply(unit, mx::array(2.0f)), mx::array(1.0f));
}

} // namespace mflux
