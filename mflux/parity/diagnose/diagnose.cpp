#include "mflux/parity/diagnose/diagnose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "mflux/parity/diagnose/advice.h"
#include "mflux/parity/diagnose/attention/hypotheses.h"
#include "mflux/parity/diagnose/catalogue.h"
#include "mflux/parity/diagnose/judge.h"
#include "mflux/parity/diagnose/layout/hypotheses.h"
#include "mflux/parity/diagnose/pipeline/hypotheses.h"
#include "mflux/parity/diagnose/pipeline/noise.h"
#include "mflux/parity/diagnose/pointwise/hypotheses.h"

namespace mflux::parity {
namespace {

/// Of a smaller tensor almost anything can be explained: only what needs no fit is tried there.
constexpr int64_t kFewValues = 8;

/// Checkpoints that are looked at beside the first divergence.
constexpr size_t kMostRows = 12;

constexpr size_t kMostRuledOut = 5;

bool is_constant(const Field& field) {
  return !field.values.empty() &&
         std::all_of(field.values.begin(), field.values.end(), [&](double value) {
           return value == field.values.front();
         });
}

Proposals propose(const Case& at) {
  Proposals proposals;
  propose_pipeline(at, proposals);
  if (at.ref.count() < kFewValues || is_constant(at.ref)) {
    return proposals;
  }
  const bool says_nothing = is_constant(at.port); // a line through it would explain anything
  if (says_nothing && at.port.values.front() != 0) {
    return proposals;
  }
  propose_layout(at, proposals);
  if (says_nothing) {
    return proposals;
  }
  propose_attention(at, proposals);
  if (!must_be_equal(at.at())) {
    propose_pointwise(at, proposals);
  }
  return proposals;
}

/// What one checkpoint shows: one cause, or two that stand on each other.
struct Found {
  std::vector<Proof> chain;
  std::optional<Statement> stated; ///< where the chain is empty
  std::vector<RuledOut> ruled_out;
  std::vector<std::string> next;
};

bool is_explained(const Case& at, const Proof& proof) {
  return proof.after <= 2 * at.floor();
}

/// The best proof of another id than those of the chain.
const Proof* first_new(const std::vector<Proof>& proofs, const Proof& first) {
  const auto found = std::find_if(proofs.begin(), proofs.end(), [&](const Proof& proof) {
    return proof.holds && proof.id != first.id;
  });
  return found == proofs.end() ? nullptr : &*found;
}

/// With the first cause applied, a second that holds.
void add_second(const Case& at, std::vector<Proof>& chain) {
  const Case rest = at.after(chain.front().prediction.field);
  const auto proofs = judge(rest, propose(rest).hypotheses());
  if (const Proof* second = first_new(proofs, chain.front())) {
    chain.push_back(*second);
  }
}

/// Two causes of which neither is enough: tries each of the promising first ones.
std::vector<Proof> find_two(const Case& at, std::vector<Proof>& proofs) {
  std::vector<Proof> best;
  const double before = std::isfinite(at.before()) ? at.before() : 1;
  for (auto& proof : proofs) {
    const bool helps = proof.after < 0.9 * before || proof.angle < 0.7 * std::min(before, 1.0);
    if (proof.prediction.field.values.empty() || !helps) {
      continue;
    }
    std::vector<Proof> chain = {proof};
    add_second(at, chain);
    if (chain.size() == 2 && chain.back().after <= kMostLeft * before &&
        (best.empty() || chain.back().after < best.back().after)) {
      best = std::move(chain);
    }
  }
  return best;
}

std::vector<RuledOut> ruled_out(const std::vector<Proof>& proofs) {
  std::vector<RuledOut> out;
  std::set<std::string> seen;
  for (const auto& proof : proofs) {
    if (out.size() < kMostRuledOut && seen.insert(proof.id).second) {
      out.push_back({proof.id, proof.before, proof.after});
    }
  }
  return out;
}

std::optional<Statement> surest(const std::vector<Statement>& statements) {
  const auto best = std::max_element(
      statements.begin(), statements.end(), [](const Statement& a, const Statement& b) {
        return a.confidence < b.confidence;
      });
  return best == statements.end() ? std::nullopt : std::optional(*best);
}

Found look_at(const Scene& scene, size_t row) {
  Found found;
  const auto pair = scene.pair(row);
  const std::string& text = scene.rows()[row].ref->text;
  if (!pair || pair->ref.values.empty() || pair->port.values.empty()) {
    found.next.push_back(
        fmt::format("{} has no values that could be laid beside each other", text));
    return found;
  }
  if (!pair->finite) {
    found.next.push_back(fmt::format(
        "{} holds NaN or Inf on one side only: look at the checkpoint before it, and dump its "
        "inputs",
        text));
    return found;
  }
  const Case at(scene, row, pair);
  const Proposals proposals = propose(at);
  auto proofs = judge(at, proposals.hypotheses());
  if (!proofs.empty() && proofs.front().holds) {
    found.chain.push_back(std::move(proofs.front()));
    if (!is_explained(at, found.chain.front())) {
      add_second(at, found.chain);
    }
    return found;
  }
  found.chain = find_two(at, proofs);
  if (found.chain.empty()) {
    found.stated = surest(proposals.statements());
  }
  if (found.chain.empty() && !found.stated) {
    found.ruled_out = ruled_out(proofs);
    found.next = advice_for(at, proposals.needs());
  }
  return found;
}

/// Collects what the rows show.
class Report {
 public:
  Report(const Scene& scene, Diagnosis& diagnosis) : scene_(scene), diagnosis_(diagnosis) {}

  void add(size_t row, const Found& found) {
    if (found.chain.empty() && !found.stated) {
      return; // there may be no pair of tensors
    }
    const Case at(scene_, row, scene_.pair(row));
    if (found.stated) {
      const double before = at.before();
      const auto& [id, detail, confidence] = *found.stated;
      add({id, row, confidence, before, before, {}, detail, {}, {}});
    }
    const Field* explained_from = &at.ref;
    for (const auto& proof : found.chain) {
      const Field& ref = *std::exchange(explained_from, &proof.prediction.field);
      Cause cause{
          proof.id, row, confidence_of(proof, at), proof.before, proof.after, {}, {}, {}, {}};
      cause.transform = proof.prediction.transform;
      cause.detail = proof.prediction.detail;
      cause.evidence = evidence_of(at, ref, proof.prediction.field);
      cause.evidence.is_second = &ref != &at.ref;
      add(std::move(cause));
    }
  }

 private:
  void add(Cause cause) {
    const auto known =
        std::find_if(diagnosis_.causes.begin(), diagnosis_.causes.end(), [&](const Cause& other) {
          return other.id == cause.id;
        });
    if (known != diagnosis_.causes.end()) {
      known->others.push_back(scene_.rows()[cause.row].ref->text);
    } else if (!is_beside_another(cause)) {
      diagnosis_.causes.push_back(std::move(cause));
    }
  }

  /// Another output, call or input of a module that has its cause: what goes wrong there in a
  /// simpler way is the same.
  bool is_beside_another(const Cause& cause) const {
    const auto module_of = [&](size_t row) { return scene_.rows()[row].ref->name.path; };
    return std::any_of(diagnosis_.causes.begin(), diagnosis_.causes.end(), [&](const Cause& other) {
      return other.row != cause.row && module_of(other.row) == module_of(cause.row);
    });
  }

  const Scene& scene_;
  Diagnosis& diagnosis_;
};

/// A failure that nothing before it explains: its inputs are known and agree.
bool begins_here(const Scene& scene, size_t row) {
  const Row& at = scene.rows()[row];
  if (!is_failing(at.verdict) || at.verdict == Verdict::inherited) {
    return false;
  }
  const auto sources = scene.sources().of(row);
  return sources && std::none_of(sources->begin(), sources->end(), [&](size_t source) {
           return is_failing(scene.rows()[source].verdict);
         });
}

} // namespace

Diagnosis diagnose(const Comparison& comparison) {
  Diagnosis diagnosis;
  if (!comparison.first_divergence) {
    return diagnosis;
  }
  const Scene scene(comparison);
  const size_t first = comparison.first_divergence->row;
  Report report(scene, diagnosis);
  const Found found = look_at(scene, first);
  report.add(first, found);
  diagnosis.ruled_out = found.ruled_out;
  diagnosis.next = found.next;
  size_t looked = 0;
  for (size_t row = 0; row < comparison.rows.size() && looked < kMostRows; ++row) {
    if (row != first && begins_here(scene, row)) {
      ++looked;
      report.add(row, look_at(scene, row));
    }
  }
  if (diagnosis.causes.empty()) {
    if (auto noise = noise_alone(scene)) {
      diagnosis.causes.push_back(std::move(*noise));
      diagnosis.ruled_out.clear();
      diagnosis.next.clear();
    }
  }
  std::stable_sort(
      diagnosis.causes.begin(), diagnosis.causes.end(), [](const Cause& a, const Cause& b) {
        return a.confidence > b.confidence;
      });
  return diagnosis;
}

} // namespace mflux::parity
