#include "mflux/models/flux2/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/base/error.h"

namespace mflux::flux2 {
namespace {

constexpr int kLeastSide = 64;
constexpr double kMostAspect = 8;
constexpr double kMostArea = 1024.0 * 1024.0;

void check(const Image& image, size_t number) {
  const auto fail = [&](const std::string& expected) {
    throw Error(fmt::format(
        "reference picture {} is {} × {} pixels, expected {}",
        number,
        image.width,
        image.height,
        expected));
  };
  if (std::min(image.width, image.height) < kLeastSide) {
    fail(fmt::format("sides of at least {}", kLeastSide));
  }
  const double width = image.width, height = image.height;
  if (std::max(width / height, height / width) > kMostAspect) {
    fail(fmt::format("no side more than {} times the other", kMostAspect));
  }
}

} // namespace

ReferenceSize reference_size(const Image& image, int pixels_per_token, size_t number) {
  check(image, number);
  ReferenceSize size{.resized_width = image.width, .resized_height = image.height};
  const double area = static_cast<double>(image.width) * image.height;
  if (area > kMostArea) {
    const double scale = std::sqrt(kMostArea / area);
    size.resized_width = static_cast<int>(image.width * scale);
    size.resized_height = static_cast<int>(image.height * scale);
  }
  size.width = size.resized_width / pixels_per_token * pixels_per_token;
  size.height = size.resized_height / pixels_per_token * pixels_per_token;
  return size;
}

} // namespace mflux::flux2
