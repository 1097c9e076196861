#include "mflux/parity/images/flip.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace mflux::parity {
namespace {

// Names follow the paper; sections are its.
constexpr double kPixelsPerDegree = 67;
constexpr float kColourExponent = 0.7f;                                  // q_c
constexpr float kColourShare = 0.4f;                                     // p_c
constexpr float kColourTop = 0.95f;                                      // p_t
constexpr double kFeatureWidth = 0.082;                                  // w
constexpr float kFeatureExponent = 0.5f;                                 // q_f
constexpr std::array<float, 3> kWhite{0.950428545f, 1.0f, 1.088900371f}; // D65, XYZ of RGB white

using Colour = std::array<float, 3>;
using Plane = std::vector<float>;
using Kernel = std::vector<float>; ///< centred, of odd length

struct Size {
  int width, height;
};

float to_linear(float level) {
  const float s = level / 255;
  return s <= 0.04045f ? s / 12.92f : std::pow((s + 0.055f) / 1.055f, 2.4f);
}

/// XYZ over that of white.
Colour to_xyz(const Colour& rgb) {
  const auto [r, g, b] = rgb;
  return {
      (0.4123907993f * r + 0.3575843394f * g + 0.1804807884f * b) / kWhite[0],
      0.2126390059f * r + 0.7151686788f * g + 0.0721923154f * b,
      (0.0193308187f * r + 0.1191947798f * g + 0.9505321522f * b) / kWhite[2]};
}

Colour to_rgb(const Colour& xyz) {
  const float x = xyz[0] * kWhite[0], y = xyz[1], z = xyz[2] * kWhite[2];
  return {
      3.241003275f * x - 1.537398934f * y - 0.498615861f * z,
      -0.969224334f * x + 1.875930071f * y + 0.041554224f * z,
      0.055639423f * x - 0.204011202f * y + 1.057148933f * z};
}

/// Linearised CIELAB: achromatic, red to green, blue to yellow.
Colour to_opponent(const Colour& xyz) {
  return {116 * xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2])};
}

Colour from_opponent(const Colour& ycc) {
  const float y = (ycc[0] + 16) / 116;
  return {y + ycc[1] / 500, y, y - ycc[2] / 200};
}

/// CIELAB whose chroma grows with lightness, as Hunt observed.
Colour to_hunt_lab(const Colour& xyz) {
  constexpr float kDelta = 6.0f / 29;
  const auto curve = [](float t) {
    return t > kDelta * kDelta * kDelta ? std::cbrt(t) : t / (3 * kDelta * kDelta) + 4.0f / 29;
  };
  const float fx = curve(xyz[0]), fy = curve(xyz[1]), fz = curve(xyz[2]);
  const float lightness = 116 * fy - 16;
  return {lightness, 0.01f * lightness * 500 * (fx - fy), 0.01f * lightness * 200 * (fy - fz)};
}

float hyab(const Colour& a, const Colour& b) {
  return std::abs(a[0] - b[0]) + std::hypot(a[1] - b[1], a[2] - b[2]);
}

/// The kernel across, then the other down; edge pixels go on beyond the edges.
Plane filtered(const Plane& plane, Size size, const Kernel& across, const Kernel& down) {
  const int radius = static_cast<int>(across.size() / 2);
  const auto width = static_cast<size_t>(size.width);
  Plane half(plane.size()), out(plane.size());
  Plane row(width + 2 * static_cast<size_t>(radius));
  for (size_t first = 0; first < plane.size(); first += width) {
    for (size_t i = 0; i < row.size(); ++i) {
      const int x = std::clamp(static_cast<int>(i) - radius, 0, size.width - 1);
      row[i] = plane[first + static_cast<size_t>(x)];
    }
    for (size_t tap = 0; tap < across.size(); ++tap) {
      for (size_t x = 0; x < width; ++x) {
        half[first + x] += across[tap] * row[x + tap];
      }
    }
  }
  for (int y = 0; y < size.height; ++y) {
    float* to = out.data() + static_cast<size_t>(y) * width;
    for (size_t tap = 0; tap < down.size(); ++tap) {
      const int from = std::clamp(y + static_cast<int>(tap) - radius, 0, size.height - 1);
      const float* line = half.data() + static_cast<size_t>(from) * width;
      for (size_t x = 0; x < width; ++x) {
        to[x] += down[tap] * line[x];
      }
    }
  }
  return out;
}

/// One Gaussian of a contrast sensitivity function: its kernel sums to 1, `weight` is its share.
struct Sensitivity {
  double weight;
  Kernel kernel;
};

Sensitivity sensitivity(double a, double b) {
  constexpr double kPi = std::numbers::pi, kWidest = 0.04;
  const int radius =
      static_cast<int>(std::ceil(3 * std::sqrt(kWidest / (2 * kPi * kPi)) * kPixelsPerDegree));
  std::vector<double> values;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) {
    const double degrees = i / kPixelsPerDegree;
    values.push_back(std::exp(-kPi * kPi * degrees * degrees / b));
    sum += values.back();
  }
  Sensitivity out{a * std::sqrt(kPi / b) * sum * sum, {}};
  for (const double value : values) {
    out.kernel.push_back(static_cast<float>(value / sum));
  }
  return out;
}

/// Section 4.1.1: what the eye resolves of one opponent channel.
Plane seen(const Plane& plane, Size size, const std::vector<Sensitivity>& parts) {
  double total = 0;
  for (const auto& part : parts) {
    total += part.weight;
  }
  Plane out(plane.size());
  for (const auto& part : parts) {
    const Plane blurred = filtered(plane, size, part.kernel, part.kernel);
    const auto share = static_cast<float>(part.weight / total);
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] += share * blurred[i];
    }
  }
  return out;
}

/// Weights whose positive ones sum to 1, the negative ones to -1.
Kernel balanced(const std::vector<double>& weights) {
  double above = 0, below = 0;
  for (const double weight : weights) {
    (weight > 0 ? above : below) += std::abs(weight);
  }
  Kernel kernel;
  for (const double weight : weights) {
    const double scale = weight > 0 ? above : below;
    kernel.push_back(static_cast<float>(scale > 0 ? weight / scale : 0));
  }
  return kernel;
}

/// Section 4.2: Gaussian, and its first and second derivatives.
struct FeatureKernels {
  Kernel smooth, edge, point;
};

FeatureKernels make_feature_kernels() {
  const double sigma = 0.5 * kFeatureWidth * kPixelsPerDegree;
  const int radius = static_cast<int>(std::ceil(3 * sigma));
  std::vector<double> smooth, edge, point;
  for (int i = -radius; i <= radius; ++i) {
    const double square = i * i / (sigma * sigma), g = std::exp(-square / 2);
    smooth.push_back(g);
    edge.push_back(-i * g);
    point.push_back((square - 1) * g);
  }
  return {balanced(smooth), balanced(edge), balanced(point)};
}

/// Length of the gradient that `kernel` finds.
Plane strength(const Plane& y, Size size, const Kernel& kernel, const Kernel& smooth) {
  Plane across = filtered(y, size, kernel, smooth);
  const Plane down = filtered(y, size, smooth, kernel);
  for (size_t i = 0; i < across.size(); ++i) {
    across[i] = std::hypot(across[i], down[i]);
  }
  return across;
}

/// All that is compared of one picture.
struct Look {
  std::vector<Colour> lab;
  Plane edges, points;
};

Look look_at(const Picture& picture, Size size) {
  static const std::array<std::vector<Sensitivity>, 3> kSensitivities{
      std::vector{sensitivity(1, 0.0047)},
      std::vector{sensitivity(1, 0.0053)},
      std::vector{sensitivity(34.1, 0.04), sensitivity(13.5, 0.025)}};
  static const FeatureKernels kFeatures = make_feature_kernels();
  const size_t count = picture.levels.size() / static_cast<size_t>(picture.channels);
  std::array<Plane, 3> planes{Plane(count), Plane(count), Plane(count)};
  for (size_t i = 0; i < count; ++i) {
    Colour rgb;
    for (size_t c = 0; c < 3; ++c) {
      rgb[c] = to_linear(picture.channels == 3 ? picture.levels[3 * i + c] : picture.levels[i]);
    }
    const Colour opponent = to_opponent(to_xyz(rgb));
    for (size_t c = 0; c < 3; ++c) {
      planes[c][i] = opponent[c];
    }
  }
  Look look;
  Plane lightness = planes[0];
  for (float& y : lightness) {
    y = (y + 16) / 116;
  }
  look.edges = strength(lightness, size, kFeatures.edge, kFeatures.smooth);
  look.points = strength(lightness, size, kFeatures.point, kFeatures.smooth);
  for (size_t c = 0; c < 3; ++c) {
    planes[c] = seen(planes[c], size, kSensitivities[c]);
  }
  look.lab.resize(count);
  for (size_t i = 0; i < count; ++i) {
    Colour rgb = to_rgb(from_opponent({planes[0][i], planes[1][i], planes[2][i]}));
    for (float& value : rgb) {
      value = std::clamp(value, 0.0f, 1.0f);
    }
    look.lab[i] = to_hunt_lab(to_xyz(rgb));
  }
  return look;
}

/// Section 4.1.3: large differences, which the eye does not tell apart, are pressed together.
float colour_difference(const Colour& a, const Colour& b) {
  static const float kMost = std::pow(
      hyab(to_hunt_lab(to_xyz({0, 1, 0})), to_hunt_lab(to_xyz({0, 0, 1}))), kColourExponent);
  const float difference = std::pow(hyab(a, b), kColourExponent), knee = kColourShare * kMost;
  return difference < knee ? difference * kColourTop / knee
                           : kColourTop + (difference - knee) / (kMost - knee) * (1 - kColourTop);
}

} // namespace

std::vector<float> flip_map(const Picture& ref, const Picture& port) {
  const Size size{ref.width, ref.height};
  const Look a = look_at(ref, size), b = look_at(port, size);
  std::vector<float> map(a.lab.size());
  for (size_t i = 0; i < map.size(); ++i) {
    const float edges = std::abs(a.edges[i] - b.edges[i]);
    const float points = std::abs(a.points[i] - b.points[i]);
    const float feature =
        std::pow(std::max(edges, points) / std::numbers::sqrt2_v<float>, kFeatureExponent);
    map[i] = std::pow(colour_difference(a.lab[i], b.lab[i]), 1 - feature);
  }
  return map;
}

} // namespace mflux::parity
