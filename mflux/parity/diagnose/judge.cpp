#include "mflux/parity/diagnose/judge.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mflux/parity/diagnose/catalogue.h"

namespace mflux::parity {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Sums over the elements outside a half.
struct Rest {
  double left = 0, norm = 0;

  void add(const Case& at, const Field& field, const Half* fitted_on) {
    for (int64_t i = 0; i < at.port.count(); ++i) {
      if (fitted_on && fitted_on->holds(i)) {
        continue;
      }
      const auto k = static_cast<size_t>(i);
      const double d = at.port.values[k] - field.values[k];
      left += d * d;
      norm += field.values[k] * field.values[k];
    }
  }

  double relative() const {
    const double value = norm > 0 ? std::sqrt(left / norm) : left == 0 ? 0 : kInfinity;
    return std::isfinite(value) ? value : kInfinity;
  }
};

bool fits(const Case& at, const std::optional<Prediction>& prediction) {
  return prediction && prediction->field.count() == at.port.count();
}

std::optional<Proof> apply(const Case& at, const Hypothesis& hypothesis) {
  Proof proof;
  proof.id = hypothesis.id;
  proof.before = at.before();
  Rest rest;
  if (hypothesis.is_fitted) {
    for (const Half& half : {Half::first(), Half::second()}) {
      const auto prediction = hypothesis.predict(half);
      if (!fits(at, prediction)) {
        return std::nullopt;
      }
      rest.add(at, prediction->field, &half);
    }
  }
  auto prediction = hypothesis.predict(Half::all());
  if (!fits(at, prediction)) {
    return std::nullopt;
  }
  if (!hypothesis.is_fitted) {
    rest.add(at, prediction->field, nullptr);
  }
  proof.prediction = std::move(*prediction);
  proof.after = rest.relative();
  if (const auto& elsewhere = proof.prediction.elsewhere) {
    proof.before = elsewhere->before;
    proof.after = elsewhere->after;
  }
  proof.angle = std::sqrt(std::max(0.0, 1 - std::pow(cosine(proof.prediction.field, at.port), 2)));
  return proof;
}

bool is_kept(const Case& at, const Proof& proof) {
  const double before = std::isfinite(proof.before) ? proof.before : 1;
  return proof.after <= kMostLeft * before ||
         (proof.after <= 2 * at.floor() && proof.after <= before / kLeastFall);
}

/// Below this two hypotheses leave equally little.
double tie_of(const Case& at, double best) {
  return std::max(kMargin * best, at.floor());
}

/// Lets go of the fields of which nothing can come, so that hundreds of hypotheses cost the memory
/// of a few.
void forget_all_but_best(std::vector<Proof>& proofs) {
  std::vector<Proof*> open;
  for (auto& proof : proofs) {
    if (!proof.holds && !proof.prediction.field.values.empty()) {
      open.push_back(&proof);
    }
  }
  std::sort(open.begin(), open.end(), [](const Proof* a, const Proof* b) {
    return std::min(a->angle, a->after) < std::min(b->angle, b->after);
  });
  for (size_t i = kMostPromising; i < open.size(); ++i) {
    open[i]->prediction.field = {};
  }
}

} // namespace

std::vector<Proof> judge(const Case& at, const std::vector<Hypothesis>& hypotheses) {
  std::vector<Proof> proofs;
  double best = kInfinity;
  for (const auto& hypothesis : hypotheses) {
    if (auto proof = apply(at, hypothesis)) {
      proof->holds = is_kept(at, *proof);
      best = std::min(best, proof->after);
      proofs.push_back(std::move(*proof));
      forget_all_but_best(proofs);
    }
  }
  const double tie = tie_of(at, best);
  for (auto& proof : proofs) {
    proof.holds = proof.holds && proof.after <= tie;
  }
  std::stable_sort(proofs.begin(), proofs.end(), [](const Proof& a, const Proof& b) {
    if (a.holds != b.holds) {
      return a.holds;
    }
    const size_t rank_a = rank_of(a.id), rank_b = rank_of(b.id);
    return a.holds && rank_a != rank_b ? rank_a < rank_b : a.after < b.after;
  });
  for (auto& proof : proofs) {
    proof.runner_up = kInfinity;
    for (const auto& other : proofs) {
      if (other.id != proof.id && !other.holds) {
        proof.runner_up = std::min(proof.runner_up, other.after);
      }
    }
  }
  return proofs;
}

double confidence_of(const Proof& proof, const Case& at) {
  const double before = std::isfinite(proof.before) ? std::max(proof.before, 1e-12) : 1;
  const double least = 0.1 * at.floor();
  const double left = std::max(proof.after, least) / before;
  const double rival = std::max(proof.after, least) / std::max(proof.runner_up, least);
  const double few = 1 / (1 + static_cast<double>(at.port.count()) / 8);
  return std::clamp((1 - left) * (1 - std::min(rival, 0.5)) * (1 - few), 0.05, 0.99);
}

} // namespace mflux::parity
