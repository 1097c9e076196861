#include "mflux/parity/report/picture.h"

#include <algorithm>
#include <cmath>

#include "mflux/image/png.h"
#include "mflux/parity/report/base64.h"

namespace mflux::parity {
namespace {

/// How the elements of a tensor are a picture's values in [0, 1].
struct Layout {
  int64_t height, width, channels;
  int64_t row, column, channel; ///< steps, in elements
  double scale, offset;
};

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::optional<Layout> layout_of(const Name& name, const artifacts::Tensor& tensor) {
  const auto& shape = tensor.shape;
  const bool is_file =
      ends_with(name.path, ".png") || ends_with(name.path, ".jpg") || ends_with(name.path, ".jpeg");
  const bool fits = tensor.count() > 0 && name.role == Role::out;
  if (fits && is_file && shape.size() == 3 && shape[2] <= 4 &&
      tensor.dtype == artifacts::Dtype::uint8) {
    return Layout{shape[0], shape[1], shape[2], shape[1] * shape[2], shape[2], 1, 1.0 / 255, 0};
  }
  const bool is_unit = name.path == "image";
  if (fits && (is_unit || name.path == "decoded") && shape.size() == 4 && shape[1] == 3 &&
      is_floating(tensor.dtype)) {
    const int64_t plane = shape[2] * shape[3];
    return is_unit ? Layout{shape[2], shape[3], 3, shape[3], 1, plane, 1, 0}
                   : Layout{shape[2], shape[3], 3, shape[3], 1, plane, 0.5, 0.5};
  }
  return std::nullopt;
}

uint8_t pixel(double value) {
  return std::isnan(value) ? 0
                           : static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0, 1.0)));
}

} // namespace

std::optional<std::string> picture_of(
    const Checkpoint& checkpoint, const artifacts::Tensor& tensor) {
  const auto layout = layout_of(checkpoint.name, tensor);
  if (!layout) {
    return std::nullopt;
  }
  const int64_t longest = std::max(layout->height, layout->width);
  const int64_t thin = (longest + kLongestShown - 1) / kLongestShown;
  Image image;
  image.height = static_cast<int>((layout->height + thin - 1) / thin);
  image.width = static_cast<int>((layout->width + thin - 1) / thin);
  for (int64_t y = 0; y < layout->height; y += thin) {
    for (int64_t x = 0; x < layout->width; x += thin) {
      for (int64_t c = 0; c < 3; ++c) {
        const int64_t channel = layout->channels < 3 ? 0 : c;
        const double value = artifacts::value_at(
            tensor, y * layout->row + x * layout->column + channel * layout->channel);
        image.rgb.push_back(pixel(value * layout->scale + layout->offset));
      }
    }
  }
  return "data:image/png;base64," + base64(encode_png(image));
}

} // namespace mflux::parity
