#include "mflux/parity/diagnose/layout/frame.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "mflux/parity/diagnose/layout/kind.h"

namespace mflux::parity {
namespace {

constexpr int64_t kWidest = 3;

/// Of the elements, at most so many lie in the frame …
constexpr double kMostInFrame = 0.35;

/// … of the squared error at least so much, …
constexpr double kLeastOfError = 0.999;

/// … and of the elements of each of its sides so many are off.
constexpr double kLeastOff = 0.8;

constexpr std::array<Frame, 3> kSides = {Frame{1, 1, 1, 1}, Frame{0, 1, 0, 1}, Frame{1, 0, 1, 0}};

/// Sums over the inside and over each side of a frame.
struct Sums {
  double inside = 0, inside_norm = 0, outside = 0;
  std::array<int64_t, 4> off{}, all{};
  int64_t framed = 0;
};

class Measurer {
 public:
  Measurer(const Case& at, const Planes& planes) : at_(at), planes_(planes) {
    double sum = 0;
    for (const double value : at.ref.values) {
      sum += value * value;
    }
    slack_ = 20 * at.floor() * std::sqrt(sum / static_cast<double>(at.ref.count()));
  }

  Sums measure(const Frame& frame) const {
    Sums sums;
    for (int64_t plane = 0; plane < planes_.count(); ++plane) {
      for (int64_t y = 0; y < planes_.height; ++y) {
        for (int64_t x = 0; x < planes_.width; ++x) {
          add(frame, plane, y, x, sums);
        }
      }
    }
    return sums;
  }

 private:
  void add(const Frame& frame, int64_t plane, int64_t y, int64_t x, Sums& sums) const {
    const auto i = static_cast<size_t>(planes_.at(plane, y, x));
    const double d = at_.port.values[i] - at_.ref.values[i];
    const std::array<bool, 4> in = {
        y < frame.top,
        y >= planes_.height - frame.bottom,
        x < frame.left,
        x >= planes_.width - frame.right};
    bool framed = false;
    for (size_t side = 0; side < in.size(); ++side) {
      sums.all[side] += in[side];
      sums.off[side] += in[side] && std::abs(d) > slack_;
      framed = framed || in[side];
    }
    sums.framed += framed;
    (framed ? sums.outside : sums.inside) += d * d;
    sums.inside_norm += framed ? 0 : at_.ref.values[i] * at_.ref.values[i];
  }

  const Case& at_;
  Planes planes_;
  double slack_ = 0;
};

bool is_frame(const Case& at, const Sums& sums) {
  const auto count = static_cast<double>(at.ref.count());
  if (static_cast<double>(sums.framed) > kMostInFrame * count || sums.inside_norm == 0 ||
      sums.outside < kLeastOfError * (sums.outside + sums.inside) ||
      std::sqrt(sums.inside / sums.inside_norm) > 2 * at.floor()) {
    return false;
  }
  for (size_t side = 0; side < sums.all.size(); ++side) {
    if (static_cast<double>(sums.off[side]) < kLeastOff * static_cast<double>(sums.all[side])) {
      return false;
    }
  }
  return true;
}

} // namespace

void propose_frame(const Case& at, const Planes& planes, Proposals& proposals) {
  if (!at.is_first || is_in_attention(at) || at.before() < 20 * at.floor()) {
    return;
  }
  const Measurer measurer(at, planes);
  for (const Frame& sides : kSides) {
    for (int64_t wide = 1; wide <= kWidest; ++wide) {
      const Frame frame{
          wide * sides.top, wide * sides.bottom, wide * sides.left, wide * sides.right};
      const Sums sums = measurer.measure(frame);
      if (!is_frame(at, sums)) {
        continue;
      }
      const Prediction::Elsewhere proof{at.before(), std::sqrt(sums.inside / sums.inside_norm)};
      const std::string detail = fmt::format(
          "all of the error lies in a frame of {} pixels{}; the inside agrees",
          wide,
          sides.top == 0      ? " below and on the right"
          : sides.bottom == 0 ? " above and on the left"
                              : "");
      proposals.add(
          {"edge.padding",
           [&at, proof, detail](const Half&) {
             return std::optional(Prediction{at.port, {}, detail, proof});
           },
           false});
      return;
    }
  }
}

} // namespace mflux::parity
