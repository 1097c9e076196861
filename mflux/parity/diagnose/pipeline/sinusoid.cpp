#include "mflux/parity/diagnose/pipeline/sinusoid.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mflux::parity {
namespace {

constexpr double kPeriod = 10000;
constexpr double kMostTime = 2000;
constexpr int64_t kMostRows = 64;
constexpr int64_t kLeastPairs = 2;
constexpr double kTurn = 2 * std::numbers::pi;

/// float32 rounds the product of a time and a frequency.
constexpr double kNearness = 3e-4;

/// Times so near to a whole number are one.
constexpr double kWhole = 3e-4;

} // namespace

Sinusoid::Sinusoid(const Field& field, bool sines_first, double shift)
    : shape_(field.shape), half_(field.width() / 2), sines_first_(sines_first), shift_(shift) {}

double Sinusoid::frequency(int64_t pair) const {
  const double exponent =
      -std::log(kPeriod) * static_cast<double>(pair) / (static_cast<double>(half_) - shift_);
  return static_cast<float>(std::exp(exponent));
}

double Sinusoid::cosine(const Field& field, int64_t row, int64_t pair) const {
  return field.values[static_cast<size_t>(row * 2 * half_ + pair + (sines_first_ ? half_ : 0))];
}

double Sinusoid::sine(const Field& field, int64_t row, int64_t pair) const {
  return field.values[static_cast<size_t>(row * 2 * half_ + pair + (sines_first_ ? 0 : half_))];
}

/// Each faster pair tells the time more exactly, once it is known to within its turn.
double Sinusoid::refined(const Field& field, int64_t row, double time) const {
  for (int64_t pair = half_ - 1; pair >= 0; --pair) {
    const double f = frequency(pair);
    const double angle = std::atan2(sine(field, row, pair), cosine(field, row, pair));
    time = (angle + kTurn * std::nearbyint((time * f - angle) / kTurn)) / f;
  }
  const double whole = std::nearbyint(time);
  return std::abs(time - whole) < kWhole ? whole : time;
}

double Sinusoid::solve(const Field& field, int64_t row) const {
  const double f = frequency(half_ - 1);
  const double angle = std::atan2(sine(field, row, half_ - 1), cosine(field, row, half_ - 1));
  double best = 0, least = 1e300;
  for (double turned = angle - kTurn; turned <= kMostTime * f + kTurn; turned += kTurn) {
    const double time = refined(field, row, turned / f);
    double error = 0;
    for (int64_t pair = 0; pair < half_; ++pair) {
      error += std::abs(std::cos(time * frequency(pair)) - cosine(field, row, pair)) +
               std::abs(std::sin(time * frequency(pair)) - sine(field, row, pair));
    }
    if (error < least) {
      least = error;
      best = time;
    }
  }
  return best;
}

Field Sinusoid::embedded(const std::vector<double>& times) const {
  Field out{shape_, {}};
  out.values.resize(times.size() * static_cast<size_t>(2 * half_));
  for (size_t row = 0; row < times.size(); ++row) {
    for (int64_t pair = 0; pair < half_; ++pair) {
      const double angle =
          static_cast<float>(static_cast<float>(times[row]) * static_cast<float>(frequency(pair)));
      const size_t at = row * static_cast<size_t>(2 * half_) + static_cast<size_t>(pair);
      const size_t half = static_cast<size_t>(half_);
      out.values[at + (sines_first_ ? half : 0)] = std::cos(angle);
      out.values[at + (sines_first_ ? 0 : half)] = std::sin(angle);
    }
  }
  return out;
}

Field Sinusoid::with_times(double (*change)(double)) const {
  std::vector<double> times = times_;
  std::transform(times.begin(), times.end(), times.begin(), change);
  return embedded(times);
}

std::optional<Sinusoid> Sinusoid::of(const Field& field, double floor) {
  const int64_t width = field.width();
  const bool has_pairs = width % 2 == 0 && width / 2 >= kLeastPairs && field.rank() >= 1;
  if (!has_pairs || field.count() == 0 || field.count() / width > kMostRows) {
    return std::nullopt;
  }
  const double near = kNearness + 2 * floor;
  for (int64_t i = 0; i < width / 2; ++i) {
    const double a = field.values[static_cast<size_t>(i)];
    const double b = field.values[static_cast<size_t>(i + width / 2)];
    if (std::abs(a * a + b * b - 1) > 2 * near) {
      return std::nullopt;
    }
  }
  for (const bool sines_first : {false, true}) {
    for (const double shift : {0.0, 1.0}) {
      Sinusoid sinusoid(field, sines_first, shift);
      for (int64_t row = 0; row < field.count() / width; ++row) {
        sinusoid.times_.push_back(sinusoid.solve(field, row));
      }
      if (relative_error(sinusoid.embedded(sinusoid.times_), field) < near) {
        return sinusoid;
      }
    }
  }
  return std::nullopt;
}

} // namespace mflux::parity
