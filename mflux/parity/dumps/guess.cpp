#include "mflux/parity/dumps/guess.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "mflux/parity/metrics/sample.h"

namespace mflux::parity {
namespace {

/// How near the best must be, and how far at least, and how many times further, any other.
constexpr double kFarthest = 1e-2, kLeastLead = 1e-3, kLead = 10;

/// What lies beyond does not count, not even as a runner-up.
constexpr double kHorizon = kFarthest * kLead;

struct Candidate {
  size_t index; ///< of the dump's checkpoints
  Sample sample;
};

/// Candidates of one shape and kind, by their spread.
using Bucket = std::vector<Candidate>;
using Buckets = std::map<std::tuple<artifacts::Shape, bool>, Bucket>;

Buckets buckets_of(const Dump& dump, const std::vector<size_t>& indices) {
  Buckets out;
  for (const size_t index : indices) {
    const Checkpoint& checkpoint = dump.checkpoints()[index];
    if (checkpoint.slice) {
      continue;
    }
    Sample sample = sample_of(dump.load(checkpoint));
    if (sample.is_distinctive) {
      out[{checkpoint.shape, is_complex(checkpoint.dtype)}].push_back({index, std::move(sample)});
    }
  }
  for (auto& [key, bucket] : out) {
    std::sort(bucket.begin(), bucket.end(), [](const Candidate& a, const Candidate& b) {
      return a.sample.spread < b.sample.spread;
    });
  }
  return out;
}

/// The candidate nearest to `sample`, if it is near and no other comes close to it.
std::optional<size_t> nearest(const Sample& sample, const Bucket& bucket) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const auto begin = std::lower_bound(
      bucket.begin(),
      bucket.end(),
      (1 - kHorizon) * sample.spread,
      [](const Candidate& candidate, double spread) { return candidate.sample.spread < spread; });
  double best = kNever, second = kNever;
  std::optional<size_t> at;
  for (auto candidate = begin;
       candidate != bucket.end() && candidate->sample.spread <= (1 + kHorizon) * sample.spread;
       ++candidate) {
    const double distance = distance_between(sample, candidate->sample, std::min(second, kHorizon));
    if (distance < best) {
      second = best;
      best = distance;
      at = static_cast<size_t>(candidate - bucket.begin());
    } else {
      second = std::min(second, distance);
    }
  }
  return best <= kFarthest && second > std::max(kLead * best, kLeastLead) ? at : std::nullopt;
}

void remove(std::vector<size_t>& from, const std::set<size_t>& what) {
  from.erase(
      std::remove_if(from.begin(), from.end(), [&](size_t i) { return what.count(i) > 0; }),
      from.end());
}

} // namespace

void guess_by_values(const Dump& ref, const Dump& port, Matching& matching) {
  if (matching.missing.empty() || matching.extra.empty()) {
    return;
  }
  const Buckets refs = buckets_of(ref, matching.missing), ports = buckets_of(port, matching.extra);
  std::set<size_t> ref_taken, port_taken;
  for (const auto& [key, bucket] : refs) {
    const auto other = ports.find(key);
    if (other == ports.end()) {
      continue;
    }
    for (size_t r = 0; r < bucket.size(); ++r) {
      const auto p = nearest(bucket[r].sample, other->second);
      if (p && nearest(other->second[*p].sample, bucket) == r) {
        matching.pairs.push_back({bucket[r].index, other->second[*p].index, MatchedBy::guess});
        ref_taken.insert(bucket[r].index);
        port_taken.insert(other->second[*p].index);
      }
    }
  }
  remove(matching.missing, ref_taken);
  remove(matching.extra, port_taken);
  std::sort(matching.pairs.begin(), matching.pairs.end(), [](const Match& a, const Match& b) {
    return a.ref < b.ref;
  });
}

std::vector<Rename> renames_of_guesses(
    const Dump& ref, const Dump& port, const Matching& matching) {
  std::vector<Rename> out;
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& pair : matching.pairs) {
    if (pair.by != MatchedBy::guess) {
      continue;
    }
    const Name& to = ref.checkpoints()[pair.ref].name;
    const Name& from = port.checkpoints()[pair.port].name;
    const bool same_step = to.step == from.step;
    Rename rename{
        same_step ? without_step(from) : canonical(from),
        same_step ? without_step(to) : canonical(to)};
    if (seen.insert({rename.from, rename.to}).second) {
      out.push_back(std::move(rename));
    }
  }
  return out;
}

} // namespace mflux::parity
