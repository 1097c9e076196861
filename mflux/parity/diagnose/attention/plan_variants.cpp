#include "mflux/parity/diagnose/attention/plan_variants.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mflux::parity {
namespace {

std::vector<double> geometric(double theta, int64_t pairs) {
  std::vector<double> out;
  for (int64_t i = 0; i < pairs; ++i) {
    out.push_back(std::pow(theta, -static_cast<double>(i) / static_cast<double>(pairs)));
  }
  return out;
}

} // namespace

RotaryPlan with_theta(RotaryPlan plan, double theta) {
  for (size_t a = 0; a < plan.axes.size(); ++a) {
    if (!plan.axes[a].is_still()) {
      plan.axes[a].frequencies = geometric(theta, plan.pairs[a]);
    }
  }
  return plan;
}

RotaryPlan with_offset(RotaryPlan plan, size_t axis, double by, const std::vector<bool>& moved) {
  Axis& one = plan.axes[axis];
  if (one.is_still()) {
    one.frequencies = geometric(plan.theta, plan.pairs[axis]);
  }
  for (size_t r = 0; r < one.positions.size(); ++r) {
    one.positions[r] += moved[r] ? by : 0;
  }
  return plan;
}

namespace {

RotaryPlan with_positions_of(const RotaryPlan& plan, const std::vector<size_t>& order) {
  RotaryPlan out = plan;
  for (size_t a = 0; a < plan.axes.size(); ++a) {
    out.axes[a].positions = plan.axes[order[a]].positions;
    out.axes[a].frequencies =
        plan.axes[a].is_still() ? geometric(plan.theta, plan.pairs[a]) : plan.axes[a].frequencies;
  }
  return out;
}

/// Blocks of frequencies in another order, each with its positions.
RotaryPlan with_blocks_moved(const RotaryPlan& plan, const std::vector<size_t>& order) {
  RotaryPlan out;
  out.theta = plan.theta;
  int64_t first = 0;
  for (const size_t a : order) {
    out.axes.push_back(plan.axes[a]);
    out.axes.back().first_pair = first;
    out.pairs.push_back(plan.pairs[a]);
    first += plan.pairs[a];
  }
  return out;
}

/// Rows where two axes count a grid together, row by row; empty when they do not.
struct Grid {
  std::vector<size_t> rows;
  int64_t height = 0, width = 0;
  double top = 0, left = 0;
};

std::optional<Grid> grid_of(const Axis& down, const Axis& along) {
  Grid grid;
  for (size_t r = 0; r < down.positions.size(); ++r) {
    const bool is_in =
        along.positions[r] != 0 || down.positions[r] != 0 ||
        (r + 1 < down.positions.size() && along.positions[r + 1] == along.positions[r] + 1);
    if (is_in) {
      grid.rows.push_back(r);
    }
  }
  if (grid.rows.size() < 4) {
    return std::nullopt;
  }
  const auto ends = [&](const Axis& axis) {
    double least = 1e9, most = -1e9;
    for (const size_t r : grid.rows) {
      least = std::min(least, axis.positions[r]);
      most = std::max(most, axis.positions[r]);
    }
    return std::pair(least, static_cast<int64_t>(most - least) + 1);
  };
  std::tie(grid.top, grid.height) = ends(down);
  std::tie(grid.left, grid.width) = ends(along);
  const bool is_whole = grid.height > 1 && grid.width > 1 &&
                        grid.height * grid.width == static_cast<int64_t>(grid.rows.size());
  return is_whole ? std::optional(grid) : std::nullopt;
}

/// The grid's positions counted down each column first.
RotaryPlan by_columns(RotaryPlan plan, size_t down, size_t along, const Grid& grid) {
  for (size_t i = 0; i < grid.rows.size(); ++i) {
    const auto n = static_cast<int64_t>(i);
    plan.axes[down].positions[grid.rows[i]] = grid.top + static_cast<double>(n % grid.height);
    plan.axes[along].positions[grid.rows[i]] = grid.left + static_cast<double>(n / grid.height);
  }
  return plan;
}

} // namespace

std::vector<PlanVariant> axes_plans(const RotaryPlan& plan) {
  std::vector<PlanVariant> out;
  const size_t n = plan.axes.size();
  if (n < 2 || n > 4) {
    return out;
  }
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  while (std::next_permutation(order.begin(), order.end())) {
    out.emplace_back(
        fmt::format("axes take the positions of axes ({})", fmt::join(order, ", ")),
        with_positions_of(plan, order));
  }
  for (size_t a = 0; a < n; ++a) {
    for (size_t b = 0; b < n; ++b) {
      if (const auto grid = a == b ? std::nullopt : grid_of(plan.axes[a], plan.axes[b])) {
        out.emplace_back(
            fmt::format("axes {} and {} count the grid column by column", a, b),
            by_columns(plan, a, b, *grid));
      }
    }
  }
  return out;
}

std::vector<TurnVariant> axes_variants(const RotaryPlan& plan, const Turn& like) {
  std::vector<TurnVariant> out;
  if (plan.theta > 0) {
    for (const auto& [detail, other] : axes_plans(plan)) {
      out.push_back({"rope.axes", detail, made(other, like)});
    }
  }
  std::vector<size_t> order(plan.axes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  while (order.size() <= 4 && std::next_permutation(order.begin(), order.end())) {
    out.push_back(
        {"rope.axes",
         fmt::format("the axes' frequencies stand in the order ({})", fmt::join(order, ", ")),
         made(with_blocks_moved(plan, order), like)});
  }
  return out;
}

std::vector<TurnVariant> frequency_variants(const RotaryPlan& plan, const Turn& like) {
  std::vector<TurnVariant> out;
  if (plan.axes.size() < 2 || plan.theta <= 0) {
    return out;
  }
  const int64_t all = like.width / 2;
  const auto whole = geometric(plan.theta, all);
  RotaryPlan restarted = plan, running = plan;
  for (size_t a = 0; a < plan.axes.size(); ++a) {
    for (size_t i = 0; i < plan.axes[a].frequencies.size(); ++i) {
      restarted.axes[a].frequencies[i] = whole[i];
      running.axes[a].frequencies[i] = whole[static_cast<size_t>(plan.axes[a].first_pair) + i];
    }
  }
  out.push_back(
      {"rope.theta", "frequencies over the whole head, begun on each axis", made(restarted, like)});
  out.push_back({"rope.theta", "frequencies over the whole head, running on", made(running, like)});
  return out;
}

namespace {

/// Larger tables are tried with few offsets.
constexpr int64_t kMostTried = 1 << 17;

std::vector<double> offsets_for(const Turn& turn, int64_t moved) {
  std::vector<double> out = {1, -1};
  for (int by = 2; by <= 10 && turn.batch * turn.rows * turn.width <= kMostTried; ++by) {
    out.insert(out.end(), {1.0 * by, -1.0 * by});
  }
  for (const int64_t by : {turn.rows, moved, turn.rows - moved}) {
    if (by > 10) {
      out.insert(out.end(), {1.0 * by, -1.0 * by});
    }
  }
  return out;
}

/// Rows that the axis turns, and those that it does not, where there are both.
std::vector<RowSet> rows_of(const Axis& axis) {
  RowSet turning, resting;
  for (const double position : axis.positions) {
    turning.push_back(position != 0);
    resting.push_back(position == 0);
  }
  const auto count = std::count(turning.begin(), turning.end(), true);
  const auto all = static_cast<std::ptrdiff_t>(turning.size());
  return count == 0 || count == all ? std::vector<RowSet>{} : std::vector<RowSet>{turning, resting};
}

} // namespace

std::vector<TurnVariant> offset_variants(
    const RotaryPlan& plan, const Turn& like, const RowSet& part, bool is_uniform) {
  std::vector<TurnVariant> out;
  const auto rows = static_cast<size_t>(like.batch * like.rows);
  const RowSet all(rows, true);
  for (size_t a = 0; a <= plan.axes.size(); ++a) {
    const bool is_last = a == plan.axes.size();
    if (!is_last && plan.axes[a].is_still() && plan.theta <= 0) {
      continue;
    }
    std::vector<RowSet> sets = is_uniform ? std::vector<RowSet>{all} : std::vector<RowSet>{};
    if (!is_uniform && !is_last) {
      sets = rows_of(plan.axes[a]);
    }
    if (!is_uniform && part.size() == rows) {
      sets.push_back(part);
    }
    for (const RowSet& set : sets) {
      const auto moved = std::count(set.begin(), set.end(), true);
      for (const double by : offsets_for(like, moved)) {
        RotaryPlan other = plan;
        for (size_t b = 0; b < plan.axes.size(); ++b) {
          const bool moves = (is_last || a == b) && (plan.theta > 0 || !plan.axes[b].is_still());
          other = moves ? with_offset(std::move(other), b, by, set) : std::move(other);
        }
        out.push_back(
            {"rope.offset",
             fmt::format(
                 "positions {:+} along {} at {} of {} rows",
                 by,
                 is_last ? "every axis" : fmt::format("axis {}", a),
                 moved,
                 rows),
             made(other, like)});
      }
    }
  }
  return out;
}

} // namespace mflux::parity
