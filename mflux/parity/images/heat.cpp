#include "mflux/parity/images/heat.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "mflux/base/error.h"
#include "mflux/parity/images/flip.h"

namespace mflux::parity {
namespace {

constexpr int kGap = 4;

/// A polynomial through matplotlib's magma, lowest power first (RGB).
constexpr std::array<std::array<double, 3>, 7> kMagma{{
    {-0.002136485053939582, -0.000749655052795221, -0.005386127855323933},
    {0.2516605407371642, 0.6775232436837668, 2.494026599312351},
    {8.353717279216625, -3.577719514958484, 0.3144679030132573},
    {-27.66873308576866, 14.26473078096533, -13.64921318813922},
    {52.17613981234068, -27.94360607168351, 12.94416944238394},
    {-50.76852536473588, 29.04658282127291, 4.23415299384598},
    {18.65570506591883, -11.48977351997711, -5.601961508734096},
}};

uint8_t magma(double t, size_t channel) {
  double value = 0;
  for (size_t power = kMagma.size(); power-- > 0;) {
    value = value * t + kMagma[power][channel];
  }
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 1.0) * 255));
}

} // namespace

Image heat_map(const std::vector<float>& map, int width, int height) {
  Image image{width, height, {}};
  image.rgb.reserve(3 * map.size());
  for (const float value : map) {
    for (size_t channel = 0; channel < 3; ++channel) {
      image.rgb.push_back(magma(std::clamp(double{value}, 0.0, 1.0), channel));
    }
  }
  return image;
}

Image flip_heat(const Picture& ref, const Picture& port) {
  return heat_map(flip_map(without_alpha(ref), without_alpha(port)), ref.width, ref.height);
}

Image side_by_side(const std::vector<Image>& pictures) {
  Image out{-kGap, pictures.front().height, {}};
  for (const auto& picture : pictures) {
    out.width += picture.width + kGap;
    if (out.width > kLongestSide) {
      throw Error(fmt::format(
          "{} pictures beside each other are wider than {} pixels", pictures.size(), kLongestSide));
    }
  }
  const std::vector<uint8_t> gap(size_t{3} * kGap, 255);
  for (int y = 0; y < out.height; ++y) {
    for (size_t i = 0; i < pictures.size(); ++i) {
      if (i > 0) {
        out.rgb.insert(out.rgb.end(), gap.begin(), gap.end());
      }
      const auto row = ptrdiff_t{3} * pictures[i].width;
      const auto first = pictures[i].rgb.begin() + row * y;
      out.rgb.insert(out.rgb.end(), first, first + row);
    }
  }
  return out;
}

} // namespace mflux::parity
