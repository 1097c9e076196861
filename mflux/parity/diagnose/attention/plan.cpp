#include "mflux/parity/diagnose/attention/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace mflux::parity {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;
constexpr int kLeastPosition = -512, kMostPosition = 2048;

/// How far off an angle may be: tables are rounded, to bfloat16 at times.
constexpr double kFineTolerance = 2e-3, kCoarseTolerance = 1.2e-2;

double wrapped(double angle) {
  return std::remainder(angle, kTurn);
}

/// First element of a pair.
int64_t element_of(const Turn& turn, int64_t pair) {
  return turn.pairing == Pairing::half ? pair : 2 * pair;
}

class Reader {
 public:
  Reader(const Turn& turn, double tolerance)
      : turn_(turn),
        rows_(static_cast<size_t>(turn.batch * turn.rows)),
        alive_(rows_, false),
        tolerance_(tolerance) {
    for (int position = kLeastPosition; position <= kMostPosition; ++position) {
      known_.emplace_back(wrapped(position), position);
    }
    std::sort(known_.begin(), known_.end());
    for (size_t r = 0; r < rows_; ++r) {
      const size_t i = r * static_cast<size_t>(turn.width);
      alive_[r] = std::hypot(turn.cos[i], turn.sin[i]) > 0.1;
    }
  }

  std::optional<RotaryPlan> read() const {
    RotaryPlan plan;
    const int64_t pairs = turn_.width / 2;
    for (int64_t j = 0; j < pairs;) {
      auto axis = axis_at(j);
      if (!axis) {
        return std::nullopt;
      }
      int64_t n = static_cast<int64_t>(axis->frequencies.size());
      for (; axis->is_still() && j + n < pairs && is_still(angles(j + n)); ++n) {
      }
      plan.axes.push_back(std::move(*axis));
      plan.pairs.push_back(n);
      j += n;
    }
    split_still(plan);
    name_theta(plan);
    return plan;
  }

 private:
  std::vector<double> angles(int64_t pair) const {
    std::vector<double> out(rows_);
    for (size_t r = 0; r < rows_; ++r) {
      const size_t i =
          r * static_cast<size_t>(turn_.width) + static_cast<size_t>(element_of(turn_, pair));
      out[r] = std::atan2(turn_.sin[i], turn_.cos[i]);
    }
    return out;
  }

  bool is_still(const std::vector<double>& angles) const {
    for (size_t r = 0; r < rows_; ++r) {
      if (alive_[r] && std::abs(angles[r]) > tolerance_) {
        return false;
      }
    }
    return true;
  }

  /// The whole number of radians that an angle is, nearest to `before`.
  std::optional<double> position_of(double angle, double before) const {
    std::optional<double> best;
    const auto from = std::lower_bound(
        known_.begin(), known_.end(), std::pair(angle - tolerance_, kLeastPosition));
    for (auto at = from; at != known_.end() && at->first <= angle + tolerance_; ++at) {
      if (!best || std::abs(at->second - before) < std::abs(*best - before)) {
        best = at->second;
      }
    }
    return best;
  }

  std::optional<std::vector<double>> positions(const std::vector<double>& angles) const {
    std::vector<double> out(rows_, 0);
    double before = 0;
    for (size_t r = 0; r < rows_; ++r) {
      if (!alive_[r]) {
        continue;
      }
      const auto found = position_of(angles[r], before);
      if (!found) {
        return std::nullopt;
      }
      before = out[r] = *found;
    }
    return out;
  }

  /// The frequency below `most` with which positions give these angles.
  std::optional<double> frequency(
      const std::vector<double>& angles, const std::vector<double>& positions, double most) const {
    std::vector<size_t> order;
    for (size_t r = 0; r < rows_; ++r) {
      if (alive_[r]) {
        order.push_back(r);
      }
    }
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return positions[a] < positions[b];
    });
    std::optional<double> found;
    double span = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      const double far = positions[order[i]] - positions[order[0]];
      const double turned = angles[order[i]] - angles[order[0]];
      if (!found && far == 1) {
        found = wrapped(turned);
        span = 1;
      } else if (found && far > span) {
        found = (far * *found + wrapped(turned - far * *found)) / far;
        span = far;
      }
    }
    if (!found || *found <= 0 || *found > most) {
      return std::nullopt;
    }
    for (const size_t r : order) {
      if (std::abs(wrapped(angles[r] - positions[r] * *found)) > 2 * tolerance_) {
        return std::nullopt;
      }
    }
    return found;
  }

  /// The geometric row nearest to what was read, whose errors are about alike.
  static std::vector<double> smoothed(std::vector<double> frequencies) {
    double product = 0, weight = 0;
    for (size_t i = 1; i < frequencies.size(); ++i) {
      const auto n = static_cast<double>(i);
      const double trust = frequencies[i] * frequencies[i];
      product += trust * n * std::log(frequencies[i]);
      weight += trust * n * n;
    }
    for (size_t i = 1; i < frequencies.size(); ++i) {
      frequencies[i] = std::exp(static_cast<double>(i) * product / weight);
    }
    return frequencies;
  }

  /// The axis whose first pair is `first`.
  std::optional<Axis> axis_at(int64_t first) const {
    const auto start = angles(first);
    if (is_still(start)) {
      return Axis{first, std::vector<double>(rows_, 0), {}};
    }
    const auto found = positions(start);
    if (!found) {
      return std::nullopt;
    }
    Axis axis{first, *found, {1}};
    for (int64_t j = first + 1; j < turn_.width / 2; ++j) {
      const auto next = frequency(angles(j), axis.positions, 0.9999 * axis.frequencies.back());
      const bool is_geometric =
          next && (axis.frequencies.size() < 2 ||
                   std::abs(*next / std::pow(axis.frequencies[1], axis.frequencies.size()) - 1) <
                       std::max(20 * tolerance_, 0.02));
      if (!is_geometric) {
        break;
      }
      axis.frequencies.push_back(*next);
    }
    axis.frequencies = smoothed(axis.frequencies);
    return axis;
  }

  /// A run of pairs that never turn may be several axes: as wide as one that turns.
  static void split_still(RotaryPlan& plan) {
    int64_t width = 0;
    for (size_t a = 0; a < plan.axes.size(); ++a) {
      width = plan.axes[a].is_still() ? width : plan.pairs[a];
    }
    for (size_t a = 0; width > 0 && a < plan.axes.size(); ++a) {
      if (plan.axes[a].is_still() && plan.pairs[a] > width && plan.pairs[a] % width == 0) {
        Axis rest = plan.axes[a];
        rest.first_pair += width;
        const auto at = static_cast<std::ptrdiff_t>(a);
        plan.axes.insert(plan.axes.begin() + at + 1, rest);
        plan.pairs.insert(plan.pairs.begin() + at + 1, plan.pairs[a] - width);
        plan.pairs[a] = width;
      }
    }
  }

  static void name_theta(RotaryPlan& plan) {
    size_t widest = 0;
    for (const Axis& axis : plan.axes) {
      const size_t n = axis.frequencies.size();
      if (n > std::max<size_t>(widest, 1)) {
        widest = n;
        const auto last = static_cast<double>(n - 1);
        plan.theta = std::pow(axis.frequencies.back(), -static_cast<double>(n) / last);
      }
    }
  }

  const Turn& turn_;
  size_t rows_;
  std::vector<bool> alive_;
  double tolerance_;
  std::vector<std::pair<double, int>> known_;
};

} // namespace

std::optional<RotaryPlan> plan_of(const Turn& turn) {
  if (turn.width < 2 || turn.by_head || !turn.blocks.empty()) {
    return std::nullopt;
  }
  for (const double tolerance : {kFineTolerance, kCoarseTolerance}) {
    if (auto plan = Reader(turn, tolerance).read()) {
      return plan;
    }
  }
  return std::nullopt;
}

Turn made(const RotaryPlan& plan, const Turn& like) {
  Turn out = like;
  const int64_t half = like.width / 2;
  const int64_t partner = like.pairing == Pairing::half ? half : 1;
  for (int64_t r = 0; r < like.batch * like.rows; ++r) {
    for (size_t a = 0; a < plan.axes.size(); ++a) {
      const Axis& axis = plan.axes[a];
      for (size_t i = 0; i < static_cast<size_t>(plan.pairs[a]); ++i) {
        const int64_t first =
            r * like.width + element_of(like, axis.first_pair + static_cast<int64_t>(i));
        const double angle =
            axis.is_still() ? 0 : axis.positions[static_cast<size_t>(r)] * axis.frequencies[i];
        for (const int64_t e : {first, first + partner}) {
          const auto at = static_cast<size_t>(e);
          const double size = std::hypot(like.cos[at], like.sin[at]);
          out.cos[at] = size * std::cos(angle);
          out.sin[at] = size * std::sin(angle);
        }
      }
    }
  }
  return out;
}

} // namespace mflux::parity
