#include "mflux/parity/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "mflux/parity/compare.h"
#include "mflux/parity/find_duplicates.h"
#include "mflux/parity/sources.h"

namespace mflux::parity {
namespace {

constexpr size_t kMostStale = 8;

/// Rows that are computed from each row.
std::vector<std::vector<size_t>> users_of(const std::vector<Row>& rows) {
  const Sources sources(rows);
  std::vector<std::vector<size_t>> users(rows.size());
  for (size_t r = 0; r < rows.size(); ++r) {
    for (const size_t source : sources.of(r).value_or(std::vector<size_t>())) {
      users[source].push_back(r);
    }
  }
  return users;
}

std::vector<Finding> find_stale(const Comparison& comparison, const std::vector<bool>& explained) {
  const auto& rows = comparison.rows;
  const auto users = users_of(rows);
  std::vector<Finding> out;
  for (size_t r = 0; r < rows.size() && out.size() < kMostStale; ++r) {
    const bool is_wrong = rows[r].verdict == Verdict::fail || rows[r].verdict == Verdict::nonfinite;
    if (!is_wrong || explained[r]) {
      continue;
    }
    const double error = gain_error_of(rows[r]).value_or(0);
    const bool agree = std::all_of(users[r].begin(), users[r].end(), [&](size_t user) {
      return is_untouched_by(error, rows[user]);
    });
    if (agree && !users[r].empty() && error > kGainThatStandsOut * noise_floor(rows[r])) {
      const std::string& name = rows[r].ref->text;
      out.push_back(
          {"stale",
           fmt::format(
               "{} is wrong, while what is computed from it agrees ({}): the port dumped an old or "
               "another tensor",
               name,
               first_few([&] {
                 std::vector<std::string> names;
                 for (const size_t user : users[r]) {
                   names.push_back(rows[user].ref->text);
                 }
                 return names;
               }())),
           {name}});
    }
  }
  return out;
}

} // namespace

std::vector<Finding> find_mistakes(const Comparison& comparison) {
  Samples samples(comparison);
  std::vector<bool> explained(comparison.rows.size());
  auto out = find_equal_tensors(comparison, explained, samples);
  if (!comparison.first_divergence) {
    return out;
  }
  for (const auto& more :
       {find_shifted_steps(comparison, explained, samples),
        find_misplaced_tensors(comparison, explained, samples),
        find_stale(comparison, explained)}) {
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

} // namespace mflux::parity
