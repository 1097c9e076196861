#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "mflux/parity/find_duplicates.h"

namespace mflux::parity {
namespace {

/// Checkpoints of the loop that are looked at, in execution order.
constexpr size_t kMostNames = 400;

constexpr double kLead = 10;

/// Scalars and small vectors must be nearer, and in more steps, to mean anything.
constexpr double kScalarNearness = 1e-4;

/// Which step of the reference step k of the port may be.
struct Shift {
  const char* what;
  const char* step; ///< in a text about step k
  int (*of)(int k, int last);
};

constexpr std::array kShifts{
    Shift{"the port's steps lag by one", "k-1", [](int k, int) { return k - 1; }},
    Shift{"the port's steps are one ahead", "k+1", [](int k, int) { return k + 1; }},
    Shift{
        "the port's steps run backwards", "last-k", [](int k, int last) { return last + 1 - k; }}};

/// Rows of one checkpoint by step.
using Loop = std::map<int, size_t>;

/// The loops in which a row fails, by name, in execution order.
std::vector<std::pair<std::string, Loop>> failing_loops(const Comparison& comparison) {
  std::map<std::string, Loop> loops;
  std::vector<std::string> order;
  for (size_t r = 0; r < comparison.rows.size(); ++r) {
    const Row& row = comparison.rows[r];
    if (row.ref->name.step && row.metrics) {
      const std::string name = without_step(row.ref->name);
      loops[name][*row.ref->name.step] = r;
      if (is_failing(row.verdict) && std::find(order.begin(), order.end(), name) == order.end() &&
          order.size() < kMostNames) {
        order.push_back(name);
      }
    }
  }
  std::vector<std::pair<std::string, Loop>> out;
  for (const auto& name : order) {
    if (loops[name].size() > 1) {
      out.emplace_back(name, loops[name]);
    }
  }
  return out;
}

class ShiftSearch {
 public:
  ShiftSearch(const Comparison& comparison, Samples& samples)
      : comparison_(comparison), samples_(samples) {}

  /// Rows of the loop that are the shifted ones of the reference; none when they are too few to
  /// mean anything.
  struct Explained {
    std::vector<size_t> rows;
    size_t possible = 0; ///< steps for which the loop has the other one too
  };

  Explained explained_by(const Shift& shift, const Loop& loop) const {
    Explained out;
    auto& [rows, possible] = out;
    const int last = loop.rbegin()->first;
    for (const auto& [step, row] : loop) {
      const int other = shift.of(step, last);
      const auto found = loop.find(other);
      if (other == step || found == loop.end()) {
        continue;
      }
      ++possible;
      if (is(row, found->second)) {
        rows.push_back(row);
      }
    }
    const bool is_scalar = !samples_.of(loop.begin()->second, Side::ref).is_distinctive;
    const bool enough = rows.size() * 2 > possible && rows.size() >= (is_scalar ? 2u : 1u);
    if (!enough) {
      rows.clear();
    }
    return out;
  }

 private:
  /// Whether the port's tensor of row `a` is the reference's of row `b`, and not that of `a`.
  bool is(size_t a, size_t b) const {
    const Row& row = comparison_.rows[a];
    if (!is_failing(row.verdict) || row.ref_shape != comparison_.rows[b].ref_shape) {
      return false;
    }
    const Sample& port = samples_.of(a, Side::port);
    const Sample &own = samples_.of(a, Side::ref), &other = samples_.of(b, Side::ref);
    if (!port.is_finite || !own.is_finite || !other.is_finite || port.spread == 0) {
      return false;
    }
    const double near = other.is_distinctive ? nearness(row) : kScalarNearness;
    const double distance = distance_between(port, other, near);
    return distance <= near && kLead * distance < distance_between(port, own, 1);
  }

  const Comparison& comparison_;
  Samples& samples_;
};

} // namespace

std::vector<Finding> find_shifted_steps(
    const Comparison& comparison, std::vector<bool>& explained, Samples& samples) {
  std::vector<Finding> out;
  const auto loops = failing_loops(comparison);
  const ShiftSearch search(comparison, samples);
  for (const Shift& shift : kShifts) {
    std::vector<std::string> names;
    size_t first_rows = 0, first_steps = 0;
    for (const auto& [name, loop] : loops) {
      const auto [rows, possible] = search.explained_by(shift, loop);
      if (rows.empty() || explained[rows.front()]) {
        continue;
      }
      if (names.empty()) {
        first_rows = rows.size();
        first_steps = possible;
      }
      names.push_back(name);
      for (const size_t row : rows) {
        explained[row] = true;
      }
    }
    if (names.empty()) {
      continue;
    }
    const std::string& name = names.front();
    const std::string others =
        names.size() > 1 ? fmt::format(", and so in {} more checkpoints", names.size() - 1) : "";
    out.push_back(
        {"step_shift",
         fmt::format(
             "{}: {}@step=k of the port is {}@step={} of the reference for {} of {} steps{}",
             shift.what,
             name,
             name,
             shift.step,
             first_rows,
             first_steps,
             others),
         names});
  }
  return out;
}

} // namespace mflux::parity
