#include "mflux/parity/diagnose/layout/permutations.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "mflux/parity/diagnose/layout/kind.h"
#include "mflux/parity/diagnose/layout/layouts.h"
#include "mflux/parity/diagnose/layout/sampling.h"

namespace mflux::parity {
namespace {

constexpr size_t kMostProposed = 6;

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
    std::vector<int64_t> sources;
    const double value = correlation_of(at_, places_, [&](int64_t place) {
      sources.push_back(source_of(steps, place));
      return sources.back();
    });
    const bool is_same = at_.same_shape && sources == places_;
    if (value >= kLeastCorrelation && !is_same && seen_.insert(sources).second) {
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
  std::set<std::vector<int64_t>> seen_;
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
