#include "mflux/parity/diagnose/layout/permutations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "mflux/parity/diagnose/layout/kind.h"
#include "mflux/parity/diagnose/layout/layouts.h"

namespace mflux::parity {
namespace {

constexpr size_t kSamples = 256;
constexpr size_t kFirstSamples = 24;

/// Of the samples, below which a layout is not applied to the whole tensor.
constexpr double kLeastFirst = 0.6;
constexpr double kLeastCorrelation = 0.85;

constexpr size_t kMostProposed = 6;

/// Some of the port's elements: half anywhere, half where it differs from the reference.
std::vector<int64_t> sample_places(const Case& at) {
  std::mt19937_64 generator(1);
  const int64_t n = at.port.count();
  std::uniform_int_distribution<int64_t> anywhere(0, n - 1);
  double spread = 0;
  for (const double value : at.port.values) {
    spread += value * value;
  }
  spread = std::sqrt(spread / static_cast<double>(n));
  std::vector<int64_t> out;
  for (size_t tries = 0; out.size() < kSamples && tries < 64 * kSamples; ++tries) {
    const int64_t i = anywhere(generator);
    const auto k = static_cast<size_t>(i);
    const bool wants_difference = out.size() % 2 == 1 && tries < 32 * kSamples;
    if (!wants_difference || std::abs(at.port.values[k] - at.ref.values[k]) > 1e-3 * spread) {
      out.push_back(i);
    }
  }
  return out;
}

/// Sums of a correlation.
struct Correlation {
  double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;

  void add(double a, double b) {
    ++n;
    x += a;
    y += b;
    xx += a * a;
    yy += b * b;
    xy += a * b;
  }

  double value() const {
    const double a = xx - x * x / n, b = yy - y * y / n;
    return a > 0 && b > 0 ? std::abs(xy - x * y / n) / std::sqrt(a * b) : 0;
  }
};

struct Candidate {
  Rearrangement steps;
  double correlation = 0;

  /// Equal for layouts that differ by chance or by noise only.
  int bucket() const {
    return static_cast<int>(std::lround(2 * std::log10(std::max(1 - correlation, 1e-6))));
  }
};

/// Looks through layouts by a few elements each.
class Search {
 public:
  explicit Search(const Case& at) : at_(at), places_(sample_places(at)) {}

  void consider(const Rearrangement& steps) {
    Correlation correlation;
    std::vector<int64_t> sources;
    for (const int64_t place : places_) {
      sources.push_back(source_of(steps, place));
      correlation.add(
          at_.ref.values[static_cast<size_t>(sources.back())],
          at_.port.values[static_cast<size_t>(place)]);
      if (sources.size() == kFirstSamples && correlation.value() < kLeastFirst) {
        return;
      }
    }
    const double value = correlation.value();
    const bool is_same = at_.same_shape && sources == places_;
    if (value >= kLeastCorrelation && !is_same && seen_.emplace(sources, true).second) {
      found_.push_back({steps, value});
      keep_best();
    }
  }

  std::vector<Candidate> take() {
    sort();
    found_.resize(std::min(found_.size(), kMostProposed));
    return std::move(found_);
  }

 private:
  void sort() {
    std::stable_sort(found_.begin(), found_.end(), [](const Candidate& a, const Candidate& b) {
      return a.bucket() < b.bucket();
    });
  }

  void keep_best() {
    if (found_.size() >= 64) {
      sort();
      found_.resize(kMostProposed);
      seen_.clear();
    }
  }

  const Case& at_;
  std::vector<int64_t> places_;
  std::vector<Candidate> found_;
  std::map<std::vector<int64_t>, bool> seen_;
};

} // namespace

void propose_permutations(const Case& at, Proposals& proposals) {
  if (at.ref.count() != at.port.count()) {
    return;
  }
  Search search(at);
  if (!at.same_shape) {
    search.consider({Digits{{at.ref.count()}, {0}}});
  }
  visit_layouts(at.ref.shape, [&](const Rearrangement& steps) { search.consider(steps); });
  for (const auto& candidate : search.take()) {
    const LayoutKind kind = kind_of(at, candidate.steps);
    proposals.add(
        {kind.id,
         [&at, kind, steps = candidate.steps](const Half&) -> std::optional<Prediction> {
           return Prediction{
               rearranged(at.ref, steps),
               chain_back(steps, at.port.shape, at.ref.shape),
               kind.detail};
         },
         false});
  }
}

} // namespace mflux::parity
