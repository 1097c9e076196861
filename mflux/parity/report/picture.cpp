#include "mflux/parity/report/picture.h"

#include <algorithm>

#include "mflux/image/png.h"
#include "mflux/image/resize.h"
#include "mflux/parity/images/heat.h"
#include "mflux/parity/images/picture_metrics.h"
#include "mflux/parity/report/base64.h"

namespace mflux::parity {
namespace {

/// What a checkpoint's numbers mean when it is a picture.
std::optional<FloatRange> picture_range(const Row& row) {
  const std::string& path = row.ref->name.path;
  const bool is_tensor = row.ref->name.role == Role::out && row.ref_shape.size() == 4 &&
                         row.ref_shape[1] == 3 && is_floating(row.ref->dtype);
  if (row.picture || (is_tensor && path == "image")) {
    return FloatRange::unit;
  }
  return is_tensor && path == "decoded" ? std::optional(FloatRange::symmetric) : std::nullopt;
}

std::string data_url(const Image& image) {
  const double scale =
      std::min(1.0, static_cast<double>(kLongestShown) / std::max(image.width, image.height));
  const auto shrunk = [&](int side) { return std::max(1, static_cast<int>(side * scale)); };
  const std::string png =
      encode_png(scale == 1 ? image : resize(image, shrunk(image.width), shrunk(image.height)));
  return "data:image/png;base64," + base64(png);
}

} // namespace

std::optional<Json> pictures_json(const Row& row, const TensorPair& pair) {
  const auto range = picture_range(row);
  if (!range || !row.metrics || row.metrics->count == 0) {
    return std::nullopt;
  }
  try {
    const Picture ref = picture_of(pair.ref, *range), port = picture_of(pair.port, *range);
    return Json{
        {"ref", data_url(to_rgb(ref))},
        {"port", data_url(to_rgb(port))},
        {"flip", data_url(flip_heat(ref, port))},
        {"text", row.picture ? "" : describe(measure_pictures(ref, port))}};
  } catch (const Error&) {
    return std::nullopt; // NaN, or numbers far out of range: the row itself says so
  }
}

} // namespace mflux::parity
