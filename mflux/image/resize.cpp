#include "mflux/image/resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "mflux/base/error.h"

namespace mflux {
namespace {

/// Two bits less than 8-bit pixels leave of 32: weights sum to 1 but may be below 0 and above 1.
constexpr int kPrecisionBits = 32 - 8 - 2;

double sinc(double x) {
  if (x == 0.0) {
    return 1.0;
  }
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) {
  return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
}

double bicubic(double x) {
  constexpr double kSharpness = -0.5;
  x = std::abs(x);
  if (x < 1.0) {
    return ((kSharpness + 2.0) * x - (kSharpness + 3.0)) * x * x + 1;
  }
  if (x < 2.0) {
    return (((x - 5) * x + 8) * x - 4) * kSharpness;
  }
  return 0.0;
}

struct Kernel {
  double (*weight)(double);
  double support; ///< beyond it the weight is 0
};

Kernel kernel_of(Filter filter) {
  return filter == Filter::lanczos ? Kernel{lanczos, 3.0} : Kernel{bicubic, 2.0};
}

/// The source pixels that one pixel of the result is made of.
struct Taps {
  int first = 0;
  std::vector<int32_t> weights; ///< fixed point
};

int32_t to_fixed(double weight) {
  const double scaled = weight * (1 << kPrecisionBits);
  return static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

std::vector<Taps> make_taps(int from, int to, Filter filter) {
  const Kernel kernel = kernel_of(filter);
  const double scale = static_cast<double>(from) / to;
  const double stretch = std::max(scale, 1.0), reach = kernel.support * stretch;
  const double shrink = 1.0 / stretch;
  std::vector<Taps> all(static_cast<size_t>(to));
  std::vector<double> weights;
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - reach + 0.5), 0);
    const int last = std::min(static_cast<int>(centre + reach + 0.5), from);
    weights.clear();
    double sum = 0.0;
    for (int x = 0; x < last - first; ++x) {
      weights.push_back(kernel.weight((x + first - centre + 0.5) * shrink));
      sum += weights.back();
    }
    auto& taps = all[static_cast<size_t>(i)];
    taps.first = first;
    for (const double weight : weights) {
      taps.weights.push_back(to_fixed(sum != 0.0 ? weight / sum : weight));
    }
  }
  return all;
}

uint8_t to_level(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

Image resize_across(const Image& image, int width, Filter filter) {
  const auto all = make_taps(image.width, width, filter);
  Image out{width, image.height, {}};
  out.rgb.resize(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(image.height));
  auto to = out.rgb.begin();
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y) {
    const uint8_t* row = image.rgb.data() + 3 * y * static_cast<size_t>(image.width);
    for (const auto& taps : all) {
      std::array<int32_t, 3> sums{kHalf, kHalf, kHalf};
      const uint8_t* pixel = row + 3 * taps.first;
      for (const int32_t weight : taps.weights) {
        for (int32_t& sum : sums) {
          sum += *pixel++ * weight;
        }
      }
      to = std::transform(sums.begin(), sums.end(), to, to_level);
    }
  }
  return out;
}

Image resize_down(const Image& image, int height, Filter filter) {
  const auto all = make_taps(image.height, height, filter);
  const size_t row = size_t{3} * static_cast<size_t>(image.width);
  Image out{image.width, height, {}};
  out.rgb.reserve(row * static_cast<size_t>(height));
  std::vector<int32_t> sums(row);
  for (const auto& taps : all) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const uint8_t* level = image.rgb.data() + row * static_cast<size_t>(taps.first);
    for (const int32_t weight : taps.weights) {
      for (int32_t& sum : sums) {
        sum += *level++ * weight;
      }
    }
    std::transform(sums.begin(), sums.end(), std::back_inserter(out.rgb), to_level);
  }
  return out;
}

void check_size(int width, int height) {
  if (width < 1 || height < 1 || width > kLongestSide || height > kLongestSide) {
    throw Error(fmt::format(
        "cannot make a picture of {} × {} pixels, expected sides of 1 to {}",
        width,
        height,
        kLongestSide));
  }
}

/// Half of the difference, towards minus infinity.
int half_of(int difference) {
  return static_cast<int>(std::floor(difference / 2.0));
}

} // namespace

Image resize(const Image& image, int width, int height, Filter filter) {
  check_size(image.width, image.height);
  check_size(width, height);
  const auto across = [&](const Image& from) {
    return width == from.width ? from : resize_across(from, width, filter);
  };
  const auto down = [&](const Image& from) {
    return height == from.height ? from : resize_down(from, height, filter);
  };
  // The order shows in the last bit, as each pass rounds.
  const int lost_rows = image.height - height, lost_columns = image.width - width;
  const bool is_down_first = lost_rows > 0 && lost_rows > 2 * lost_columns;
  return is_down_first ? across(down(image)) : down(across(image));
}

Image resize_to_area(const Image& image, int64_t area) {
  check_size(image.width, image.height);
  const double pixels = static_cast<double>(image.width) * image.height;
  const double scale = std::sqrt(static_cast<double>(area) / pixels);
  return resize(
      image, static_cast<int>(image.width * scale), static_cast<int>(image.height * scale));
}

Image centre_crop(const Image& image, int width, int height) {
  check_size(width, height);
  const int left = half_of(image.width - width), top = half_of(image.height - height);
  Image out{width, height, {}};
  out.rgb.resize(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height));
  const int from = std::max(left, 0), until = std::min(left + width, image.width);
  for (int y = std::max(top, 0); y < std::min(top + height, image.height); ++y) {
    const auto row = image.rgb.begin() + ptrdiff_t{3} * y * image.width;
    const auto to = out.rgb.begin() + ptrdiff_t{3} * (ptrdiff_t{y - top} * width + from - left);
    std::copy(row + ptrdiff_t{3} * from, row + ptrdiff_t{3} * until, to);
  }
  return out;
}

} // namespace mflux
