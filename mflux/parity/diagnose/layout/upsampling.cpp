#include "mflux/parity/diagnose/layout/upsampling.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mflux::parity {
namespace {

enum class Scaling { nearest, bilinear, aligned, shifted };

constexpr std::array kScalings = {
    Scaling::nearest, Scaling::bilinear, Scaling::aligned, Scaling::shifted};

const char* name_of(Scaling scaling) {
  switch (scaling) {
    case Scaling::nearest:
      return "scaled up by nearest neighbours";
    case Scaling::bilinear:
      return "scaled up bilinearly, align_corners=False";
    case Scaling::aligned:
      return "scaled up bilinearly, align_corners=True";
    case Scaling::shifted:
      return "scaled up by nearest neighbours that are half a pixel off";
  }
  return "";
}

/// Two pixels of the source and how much of the second.
struct Tap {
  int64_t first = 0, second = 0;
  double share = 0;
};

Tap tap_of(Scaling scaling, int64_t at, int64_t from, int64_t to) {
  const double ratio = static_cast<double>(from) / static_cast<double>(to);
  if (scaling == Scaling::nearest || scaling == Scaling::shifted) {
    const double shift = scaling == Scaling::shifted ? 0.5 : 0;
    const auto pixel = static_cast<int64_t>(std::floor(static_cast<double>(at) * ratio + shift));
    const int64_t clamped = std::min(pixel, from - 1);
    return {clamped, clamped, 0};
  }
  double place = (static_cast<double>(at) + 0.5) * ratio - 0.5;
  if (scaling == Scaling::aligned) {
    place = to > 1 ? static_cast<double>(at * (from - 1)) / static_cast<double>(to - 1) : 0;
  }
  place = std::clamp(place, 0.0, static_cast<double>(from - 1));
  const auto first = static_cast<int64_t>(place);
  return {first, std::min(first + 1, from - 1), place - static_cast<double>(first)};
}

Field scaled_up(const Field& source, const Planes& from, const Planes& to, Scaling scaling) {
  Field out;
  out.values.resize(static_cast<size_t>(to.count() * to.height * to.width));
  std::vector<Tap> columns;
  for (int64_t x = 0; x < to.width; ++x) {
    columns.push_back(tap_of(scaling, x, from.width, to.width));
  }
  for (int64_t plane = 0; plane < to.count(); ++plane) {
    for (int64_t y = 0; y < to.height; ++y) {
      const Tap row = tap_of(scaling, y, from.height, to.height);
      for (int64_t x = 0; x < to.width; ++x) {
        const Tap& column = columns[static_cast<size_t>(x)];
        const auto pixel = [&](int64_t py, int64_t px) {
          return source.values[static_cast<size_t>(from.at(plane, py, px))];
        };
        const auto along = [&](int64_t py) {
          return (1 - column.share) * pixel(py, column.first) +
                 column.share * pixel(py, column.second);
        };
        out.values[static_cast<size_t>(to.at(plane, y, x))] =
            (1 - row.share) * along(row.first) + row.share * along(row.second);
      }
    }
  }
  return out;
}

struct Source {
  Field field;
  Planes planes;
};

/// Every other pixel of an image in which each stands twice in each direction.
std::optional<Source> source_in(const Case& at, const Planes& planes) {
  if (planes.height % 2 != 0 || planes.width % 2 != 0 || planes.height < 4 || planes.width < 4) {
    return std::nullopt;
  }
  Source out{{}, planes};
  out.planes.height /= 2;
  out.planes.width /= 2;
  out.field.values.resize(static_cast<size_t>(at.ref.count() / 4));
  for (int64_t plane = 0; plane < planes.count(); ++plane) {
    for (int64_t y = 0; y < planes.height; ++y) {
      for (int64_t x = 0; x < planes.width; ++x) {
        const double value = at.ref.values[static_cast<size_t>(planes.at(plane, y, x))];
        double& pixel = out.field.values[static_cast<size_t>(out.planes.at(plane, y / 2, x / 2))];
        if (y % 2 == 0 && x % 2 == 0) {
          pixel = value;
        } else if (pixel != value) {
          return std::nullopt;
        }
      }
    }
  }
  return out;
}

/// The module's input, where it is a smaller image.
std::optional<Source> source_of_module(const Case& at, const Planes& planes) {
  const auto input = at.input();
  if (!input || !at.is_first || input->ref.rank() != at.ref.rank() ||
      input->ref.count() >= at.ref.count()) {
    return std::nullopt;
  }
  for (const auto& from : planes_of(input->ref.shape)) {
    if (from.channels_last == planes.channels_last && from.count() == planes.count()) {
      return Source{input->ref, from};
    }
  }
  return std::nullopt;
}

} // namespace

void propose_upsampling(const Case& at, const Planes& planes, Proposals& proposals) {
  auto source = source_in(at, planes);
  if (!source) {
    source = source_of_module(at, planes);
  }
  if (!source) {
    return;
  }
  const auto shared = std::make_shared<const Source>(std::move(*source));
  const auto gives = [&](Scaling scaling) {
    return relative_error(scaled_up(shared->field, shared->planes, planes, scaling), at.ref) <=
           1e-5 + 4 * at.floor();
  };
  const auto used = std::find_if(kScalings.begin(), kScalings.end(), gives);
  if (used == kScalings.end()) {
    return;
  }
  for (const Scaling scaling : kScalings) {
    if (scaling == *used) {
      continue;
    }
    proposals.add(
        {"edge.padding",
         [shared, planes, scaling](const Half&) {
           return std::optional(Prediction{
               scaled_up(shared->field, shared->planes, planes, scaling),
               {},
               name_of(scaling),
               {}});
         },
         false});
  }
}

} // namespace mflux::parity
