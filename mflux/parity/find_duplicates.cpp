#include "mflux/parity/find_duplicates.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_map>

namespace mflux::parity {
namespace {

/// Findings of a kind that are worth a reader's time.
constexpr size_t kMost = 8;

/// Failing rows that are looked up among all others of the reference.
constexpr size_t kMostMisplaced = 64;

/// How many times nearer another tensor must be than the right one.
constexpr double kLead = 10;

const char* name_of(Side side) {
  return side == Side::ref ? "reference" : "port";
}

Side other_of(Side side) {
  return side == Side::ref ? Side::port : Side::ref;
}

uint64_t hash_of(const Row& row, Side side) {
  return side == Side::ref ? row.metrics->ref_hash : row.metrics->port_hash;
}

/// Rows with equal tensors on one side, in execution order.
std::vector<std::vector<size_t>> equal_groups(
    const Comparison& comparison, Side side, Samples& samples) {
  std::unordered_map<uint64_t, std::vector<size_t>> by_hash;
  for (size_t r = 0; r < comparison.rows.size(); ++r) {
    if (comparison.rows[r].metrics) {
      by_hash[hash_of(comparison.rows[r], side)].push_back(r);
    }
  }
  std::vector<std::vector<size_t>> groups;
  for (auto& entry : by_hash) {
    auto& group = entry.second;
    const bool differs = std::any_of(group.begin(), group.end(), [&](size_t r) {
      return hash_of(comparison.rows[r], other_of(side)) !=
             hash_of(comparison.rows[group.front()], other_of(side));
    });
    if (differs && samples.of(group.front(), side).is_distinctive) {
      groups.push_back(std::move(group));
    }
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

/// The row before group[i] that it should not equal: itself at the step before, else its neighbour.
size_t partner_in(const Comparison& comparison, const std::vector<size_t>& group, size_t i) {
  const std::string name = without_step(comparison.rows[group[i]].ref->name);
  for (size_t j = i; j-- > 0;) {
    if (without_step(comparison.rows[group[j]].ref->name) == name) {
      return group[j];
    }
  }
  return group[i - 1];
}

/// Names of one finding: of the same two steps, or of two checkpoints.
using Places = std::tuple<int, int, std::string, std::string>;

Places places_of(const Row& a, const Row& b) {
  const auto &from = a.ref->name, &to = b.ref->name;
  if (from.step && to.step && *from.step != *to.step && without_step(from) == without_step(to)) {
    return {*from.step, *to.step, "", ""};
  }
  return {0, 0, a.ref->text, b.ref->text};
}

Finding describe(Side side, const Places& places, const std::vector<std::string>& names) {
  const auto& [from, to, a, b] = places;
  const char* const owner = name_of(side);
  const char* const other = name_of(other_of(side));
  if (from > 0) {
    return {
        "duplicate",
        fmt::format(
            "the {}'s step {} equals step {} in {}; the {}'s does not",
            owner,
            from,
            to,
            first_few(names),
            other),
        names};
  }
  return {
      "duplicate",
      fmt::format("the {}'s {} equals its {}; the {}'s does not", owner, a, b, other),
      {a, b}};
}

/// The row of the reference, of that shape, that the port's row `r` is; if it is any but its own.
std::optional<size_t> twin_of(
    const Comparison& comparison, const std::vector<size_t>& of_shape, size_t r, Samples& samples) {
  const Row& row = comparison.rows[r];
  const Sample& port = samples.of(r, Side::port);
  if (!port.is_distinctive || !samples.of(r, Side::ref).is_distinctive) {
    return std::nullopt;
  }
  double nearest = distance_between(port, samples.of(r, Side::ref), kLead) / kLead;
  nearest = std::min(nearest, nearness(row));
  std::optional<size_t> twin;
  for (const size_t other : of_shape) {
    const Sample& sample = samples.of(other, Side::ref);
    if (other == r || !sample.is_distinctive) {
      continue;
    }
    if (const double distance = distance_between(port, sample, nearest); distance < nearest) {
      nearest = distance;
      twin = other;
    }
  }
  return twin;
}

} // namespace

const Sample& Samples::of(size_t r, Side side) {
  auto found = samples_.find(r);
  if (found == samples_.end()) {
    const TensorPair pair = load_pair(comparison_.ref, comparison_.port, comparison_.rows[r]);
    found = samples_.emplace(r, std::pair(sample_of(pair.ref), sample_of(pair.port))).first;
  }
  return side == Side::ref ? found->second.first : found->second.second;
}

double nearness(const Row& row) {
  return is_half_like(row.effective) ? 2e-2 : 1e-2;
}

std::string first_few(const std::vector<std::string>& names) {
  constexpr size_t kFew = 3;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kFew); ++i) {
    text += (i ? ", " : "") + names[i];
  }
  return names.size() > kFew ? fmt::format("{}, … ({} in all)", text, names.size()) : text;
}

std::vector<Finding> find_equal_tensors(
    const Comparison& comparison, std::vector<bool>& explained, Samples& samples) {
  std::vector<Finding> out;
  for (const Side side : {Side::ref, Side::port}) {
    std::vector<std::pair<Places, std::vector<std::string>>> found;
    for (const auto& group : equal_groups(comparison, side, samples)) {
      for (size_t i = 1; i < group.size(); ++i) {
        const size_t before = partner_in(comparison, group, i);
        const Row &a = comparison.rows[before], &b = comparison.rows[group[i]];
        const Sample& first = samples.of(before, other_of(side));
        const Sample& second = samples.of(group[i], other_of(side));
        const double noise = is_half_like(a.effective) ? 2e-2 : 1e-4;
        if (first.spread > 0 && distance_between(first, second, 1) <= noise) {
          continue; // one tensor there too, but for rounding
        }
        const Places places = places_of(a, b);
        auto at = std::find_if(
            found.begin(), found.end(), [&](const auto& entry) { return entry.first == places; });
        if (at == found.end()) {
          at = found.insert(found.end(), {places, {}});
        }
        at->second.push_back(without_step(b.ref->name));
        explained[before] = explained[group[i]] = true;
      }
    }
    for (const auto& [places, names] : found) {
      out.push_back(describe(side, places, names));
    }
  }
  out.resize(std::min(out.size(), kMost));
  return out;
}

std::vector<Finding> find_misplaced_tensors(
    const Comparison& comparison, std::vector<bool>& explained, Samples& samples) {
  const auto& rows = comparison.rows;
  std::map<artifacts::Shape, std::vector<size_t>> by_shape;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].metrics && !must_be_equal(rows[r])) {
      by_shape[rows[r].ref_shape].push_back(r);
    }
  }
  std::vector<Finding> out;
  size_t looked_up = 0;
  for (size_t r = 0; r < rows.size() && looked_up < kMostMisplaced && out.size() < kMost; ++r) {
    if (rows[r].verdict != Verdict::fail || explained[r] || must_be_equal(rows[r])) {
      continue;
    }
    ++looked_up;
    if (const auto twin = twin_of(comparison, by_shape[rows[r].ref_shape], r, samples)) {
      explained[r] = true;
      const std::string &name = rows[r].ref->text, &other = rows[*twin].ref->text;
      out.push_back(
          {"duplicate",
           fmt::format(
               "the port's {} is the reference's {}: dumped under the wrong name, or what lies "
               "between does nothing",
               name,
               other),
           {name, other}});
    }
  }
  return out;
}

} // namespace mflux::parity
