#include "mflux/parity/diagnose/evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace mflux::parity {
namespace {

/// A curve's neighbours lie this much closer than neighbours of a cloud do.
constexpr double kSmooth = 0.2;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double value_at(const Field& field, int64_t i) {
  return field.values[static_cast<size_t>(i)];
}

/// Where port and reference differ most; without a reference, where port and prediction do.
int64_t worst_of(const Field& base, const Field& port, int64_t begin, int64_t end) {
  int64_t worst = begin;
  double most = -1;
  for (int64_t i = begin; i < end; ++i) {
    const double d = std::abs(value_at(port, i) - value_at(base, i));
    if (d > most) {
      most = d;
      worst = i;
    }
  }
  return worst;
}

Evidence::Strip strip_around(
    int64_t worst, const Field* ref, const Field& port, const Field& predicted) {
  const int64_t size = std::min<int64_t>(kStripValues, port.count());
  Evidence::Strip strip;
  strip.begin = std::clamp<int64_t>(worst - size / 2, 0, port.count() - size);
  const auto cut = [&](const Field& field) {
    const auto begin = field.values.begin() + strip.begin;
    return std::vector<double>(begin, begin + size);
  };
  if (ref) {
    strip.ref = cut(*ref);
  }
  strip.port = cut(port);
  strip.predicted = cut(predicted);
  return strip;
}

/// Elements evenly spread and the worst of each stretch, in order.
std::set<int64_t> places_of(const Field& base, const Field& port) {
  std::set<int64_t> places;
  const int64_t count = port.count();
  for (int64_t i = 0; i < kSpread; ++i) {
    places.insert((2 * i + 1) * count / (2 * kSpread));
  }
  for (int64_t i = 0; i < kStretches; ++i) {
    const int64_t begin = i * count / kStretches, end = (i + 1) * count / kStretches;
    if (begin < end) {
      places.insert(worst_of(base, port, begin, end));
    }
  }
  return places;
}

/// Both sides of what the row was computed from, where that is one tensor of as many elements.
std::shared_ptr<const FieldPair> source_of(const Case& at) {
  auto input = at.input();
  if (!input) {
    const auto sources = at.scene.sources().of(at.row);
    if (!sources || sources->size() != 1) {
      return nullptr;
    }
    input = at.scene.pair(sources->front());
  }
  const bool fits =
      input && input->ref.count() == at.port.count() && input->port.count() == at.port.count();
  return fits ? input : nullptr;
}

double jumps(const std::vector<Evidence::Curve>& curve) {
  double sum = 0;
  for (size_t i = 1; i < curve.size(); ++i) {
    sum += std::abs(curve[i].ref - curve[i - 1].ref);
  }
  return sum;
}

/// Sorted by input; empty where the output is no function of it.
std::vector<Evidence::Curve> curve_of(
    const FieldPair& input,
    const Field& ref,
    const Field& port,
    const Field& predicted,
    const std::set<int64_t>& places) {
  std::vector<Evidence::Curve> curve;
  for (const int64_t i : places) {
    curve.push_back(
        {value_at(input.ref, i),
         value_at(ref, i),
         value_at(input.port, i),
         value_at(port, i),
         value_at(predicted, i)});
  }
  const double before = jumps(curve);
  std::sort(
      curve.begin(), curve.end(), [](const auto& a, const auto& b) { return a.ref_in < b.ref_in; });
  return jumps(curve) <= kSmooth * before ? curve : std::vector<Evidence::Curve>{};
}

} // namespace

Evidence evidence_of(const Case& at, const Field& ref, const Field& predicted) {
  const Field& port = at.port;
  if (port.count() == 0 || predicted.count() != port.count()) {
    return {};
  }
  const bool is_laid_over = ref.count() == port.count();
  const Field& base = is_laid_over ? ref : predicted;
  Evidence evidence;
  const int64_t worst = worst_of(base, port, 0, port.count());
  evidence.strip = strip_around(worst, is_laid_over ? &ref : nullptr, port, predicted);
  const auto places = places_of(base, port);
  for (const int64_t i : places) {
    evidence.points.push_back(
        {is_laid_over ? value_at(ref, i) : kNone, value_at(port, i), value_at(predicted, i)});
  }
  const auto input = is_laid_over ? source_of(at) : nullptr;
  if (input) {
    evidence.curve = curve_of(*input, ref, port, predicted, places);
  }
  return evidence;
}

} // namespace mflux::parity
