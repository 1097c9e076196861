#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "mflux/parity/diagnose/pointwise/activation.h"
#include "mflux/parity/diagnose/pointwise/curves.h"

namespace mflux::parity {
namespace {

constexpr double kFar = 60;
constexpr int kBisections = 48;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The x in [low, high] with f(x) = y, where f is monotone there; NaN when there is none.
double inverse_between(const Curve& f, double y, double low, double high) {
  const bool is_rising = f.of(high) > f.of(low);
  if (y < std::min(f.of(low), f.of(high)) || y > std::max(f.of(low), f.of(high))) {
    return kNan;
  }
  for (int k = 0; k < kBisections; ++k) {
    const double middle = 0.5 * (low + high);
    ((f.of(middle) < y) == is_rising ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// The arguments at which f is y: one, or one on each side of its lowest point.
std::array<double, 2> inverses(const Curve& f, double y) {
  const double high = std::max(kFar, 2 * std::abs(y) + 4);
  if (!std::isfinite(f.lowest)) {
    return {inverse_between(f, y, -high, high), kNan};
  }
  const double least = f.of(f.lowest);
  // Rounding may take a value below the lowest.
  const double inside = y < least && y > least * (1 + 1e-2) ? least : y;
  return {
      inverse_between(f, inside, f.lowest, high),
      inside < 0 ? inverse_between(f, inside, -kFar, f.lowest) : kNan};
}

/// g where f is y; of two possible places the one that is nearer to `port`.
double through(const Curve& f, const Curve& g, double y, double port) {
  double best = kNan;
  for (const double x : inverses(f, y)) {
    const double value = g.of(x);
    if (!std::isnan(value) && !(std::abs(best - port) <= std::abs(value - port))) {
      best = value;
    }
  }
  return best;
}

constexpr size_t kSample = 256;

double misfit(const Case& at, const Curve& f, const Curve& g) {
  const size_t stride = std::max<size_t>(1, at.ref.values.size() / kSample);
  double left = 0, norm = 0;
  for (size_t i = 0; i < at.ref.values.size(); i += stride) {
    const double value = through(f, g, at.ref.values[i], at.port.values[i]);
    if (std::isnan(value)) {
      return HUGE_VAL;
    }
    left += std::pow(at.port.values[i] - value, 2);
    norm += value * value;
  }
  return norm > 0 ? std::sqrt(left / norm) : HUGE_VAL;
}

/// Flat stretches cannot be inverted.
bool has_inverse(const Curve& curve) {
  const std::string_view name = curve.name;
  return name != "relu" && name != "squared relu" && name != "hard sigmoid" && name != "hard swish";
}

std::optional<Prediction> predicted(const Case& at, const Curve& f, const Curve& g) {
  Prediction out{{at.port.shape, at.ref.values}, {}, {}};
  for (size_t i = 0; i < out.field.values.size(); ++i) {
    out.field.values[i] = through(f, g, at.ref.values[i], at.port.values[i]);
    if (std::isnan(out.field.values[i])) {
      return std::nullopt;
    }
  }
  out.detail = fmt::format("{} in place of {}", g.name, f.name);
  return out;
}

/// Both sides must show the curve: values below zero, where activations differ, and above.
bool spans_zero(const Field& field) {
  const auto negative =
      std::count_if(field.values.begin(), field.values.end(), [](double v) { return v < 0; });
  return negative * 20 > field.count() && negative * 20 < 19 * field.count();
}

} // namespace

void propose_activation_curve(const Case& at, Proposals& proposals) {
  constexpr int64_t kFewValues = 64;
  if (at.ref.count() < kFewValues || !spans_zero(at.ref) || at.before() < 10 * at.floor()) {
    return;
  }
  const double most = std::max(3 * at.floor(), 0.01 * at.before());
  for (const auto& f : curves()) {
    for (const auto& g : curves()) {
      if (&f == &g || !has_inverse(f) || misfit(at, f, g) > most) {
        continue;
      }
      proposals.add(
          {"activation.variant",
           [&at, &f, &g](const Half&) { return predicted(at, f, g); },
           false});
    }
  }
}

} // namespace mflux::parity
