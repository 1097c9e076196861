#include "mflux/parity/diagnose/layout/planes.h"

#include <algorithm>

namespace mflux::parity {

std::vector<Planes> planes_of(const artifacts::Shape& shape) {
  std::vector<Planes> out;
  if (shape.size() == 4) {
    out.push_back({shape[0], shape[1], shape[2], shape[3], false});
    out.push_back({shape[0], shape[3], shape[1], shape[2], true});
  } else if (shape.size() == 3) {
    out.push_back({1, shape[0], shape[1], shape[2], false});
  }
  out.erase(
      std::remove_if(
          out.begin(),
          out.end(),
          [](const Planes& planes) { return planes.height < 3 || planes.width < 3; }),
      out.end());
  return out;
}

Frame empty_frame(const Field& field, const Planes& planes) {
  int64_t first_y = planes.height, last_y = -1, first_x = planes.width, last_x = -1;
  for (int64_t plane = 0; plane < planes.count(); ++plane) {
    for (int64_t y = 0; y < planes.height; ++y) {
      for (int64_t x = 0; x < planes.width; ++x) {
        if (field.values[static_cast<size_t>(planes.at(plane, y, x))] != 0) {
          first_y = std::min(first_y, y);
          last_y = std::max(last_y, y);
          first_x = std::min(first_x, x);
          last_x = std::max(last_x, x);
        }
      }
    }
  }
  return last_y < 0
             ? Frame{}
             : Frame{first_y, planes.height - 1 - last_y, first_x, planes.width - 1 - last_x};
}

} // namespace mflux::parity
