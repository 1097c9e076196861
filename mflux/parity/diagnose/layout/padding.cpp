#include "mflux/parity/diagnose/layout/padding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "mflux/parity/diagnose/layout/frame.h"
#include "mflux/parity/diagnose/layout/layer.h"
#include "mflux/parity/diagnose/layout/planes.h"
#include "mflux/parity/diagnose/layout/sampling.h"
#include "mflux/parity/diagnose/layout/upsampling.h"

namespace mflux::parity {
namespace {

constexpr std::array kBorders = {
    Border::zeros, Border::replicate, Border::reflect, Border::circular};

/// Of the paddings of a convolution that are applied to the whole image.
constexpr size_t kMostProposed = 3;

const char* name_of(Border border) {
  switch (border) {
    case Border::zeros:
      return "zeros";
    case Border::replicate:
      return "replicated";
    case Border::reflect:
      return "reflected";
    case Border::circular:
      return "circular";
  }
  return "";
}

std::string describe(const Padding& padding) {
  return fmt::format(
      "{} beyond the border, ({}, {}, {}, {}) left, right, top, bottom",
      name_of(padding.border),
      padding.left,
      padding.right,
      padding.top,
      padding.bottom);
}

/// As much padding on both sides together, but another.
std::vector<Padding> other_paddings(const Padding& padding) {
  std::vector<Padding> out;
  const int64_t high = padding.top + padding.bottom, wide = padding.left + padding.right;
  for (const Border border : kBorders) {
    for (int64_t top = 0; top <= high; ++top) {
      for (int64_t left = 0; left <= wide; ++left) {
        const bool is_same = border == padding.border && top == padding.top && left == padding.left;
        if (!is_same) {
          out.push_back({top, high - top, left, wide - left, border});
        }
      }
    }
  }
  return out;
}

double sampled_error(const Case& at, const std::vector<int64_t>& places, const Layer& layer) {
  double sum = 0;
  for (const int64_t place : places) {
    const double d = layer.value_at(place) - at.port.values[static_cast<size_t>(place)];
    sum += d * d;
  }
  return sum;
}

/// False where the output cannot be computed.
bool propose_conv(const Case& at, Proposals& proposals) {
  const auto layer = Layer::of(at);
  if (!layer || layer->kind() != Layer::Kind::conv || layer->cost() > kMostMultiplications) {
    return false;
  }
  const auto places = sample_places(at);
  std::vector<std::pair<double, Padding>> tried;
  for (const auto& padding : other_paddings(layer->padding())) {
    tried.emplace_back(sampled_error(at, places, layer->with_padding(padding)), padding);
  }
  std::stable_sort(
      tried.begin(), tried.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  tried.resize(std::min(tried.size(), kMostProposed));
  for (const auto& entry : tried) {
    const Padding padding = entry.second;
    proposals.add(
        {"edge.padding",
         [port = layer->with_padding(padding), padding](const Half&) {
           return std::optional(Prediction{port.output(), {}, describe(padding), {}});
         },
         false});
  }
  return true;
}

/// What stands inside the empty frame, put elsewhere in an image of the same size.
Field padded_again(
    const Field& field, const Planes& planes, const Frame& frame, const Padding& padding) {
  const int64_t height = planes.height - frame.top - frame.bottom;
  const int64_t width = planes.width - frame.left - frame.right;
  Field out = field;
  for (int64_t plane = 0; plane < planes.count(); ++plane) {
    for (int64_t y = 0; y < planes.height; ++y) {
      for (int64_t x = 0; x < planes.width; ++x) {
        const int64_t from_y = read_beyond(y - padding.top, height, padding.border);
        const int64_t from_x = read_beyond(x - padding.left, width, padding.border);
        const bool is_zero = from_y < 0 || from_x < 0;
        out.values[static_cast<size_t>(planes.at(plane, y, x))] =
            is_zero ? 0
                    : field.values[static_cast<size_t>(
                          planes.at(plane, from_y + frame.top, from_x + frame.left))];
      }
    }
  }
  return out;
}

/// An image that was padded before the next layer.
void propose_padded(const Case& at, const Planes& planes, Proposals& proposals) {
  const Frame frame = empty_frame(at.ref, planes);
  const int64_t all = frame.top + frame.bottom + frame.left + frame.right;
  if (all == 0 || 3 * (frame.top + frame.bottom) > planes.height ||
      3 * (frame.left + frame.right) > planes.width) {
    return;
  }
  const Padding padding{frame.top, frame.bottom, frame.left, frame.right, Border::zeros};
  for (const auto& other : other_paddings(padding)) {
    proposals.add(
        {"edge.padding",
         [&at, planes, frame, other](const Half&) {
           return std::optional(
               Prediction{padded_again(at.ref, planes, frame, other), {}, describe(other), {}});
         },
         false});
  }
}

} // namespace

void propose_edges(const Case& at, Proposals& proposals) {
  if (!at.same_shape) {
    return;
  }
  const bool is_computed = propose_conv(at, proposals);
  for (const auto& planes : planes_of(at.ref.shape)) {
    propose_padded(at, planes, proposals);
    propose_upsampling(at, planes, proposals);
    if (!is_computed) {
      propose_frame(at, planes, proposals);
    }
  }
}

} // namespace mflux::parity
