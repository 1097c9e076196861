#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "mflux/parity/diagnose/attention/pick.h"
#include "mflux/parity/diagnose/attention/plan_variants.h"
#include "mflux/parity/diagnose/attention/rotated.h"
#include "mflux/parity/diagnose/attention/sources.h"
#include "mflux/parity/diagnose/fitting.h"

namespace mflux::parity {
namespace {

constexpr double kLeastTheta = 0.4, kMostTheta = 18.5; ///< logarithms
constexpr int64_t kMostSolved = 1 << 20;               ///< elements

enum class Part { cos, sin, both };

/// A dumped table as a turn, and the way back to the checkpoint.
struct Table {
  Turn turn;
  Part part = Part::both;
  bool is_per_pair = false;
  bool is_stacked = false; ///< cosines before sines, and not beside them
};

bool columns_agree(const Field& field, int64_t a, int64_t b) {
  for (int64_t r = 0; r < field.count() / field.width(); ++r) {
    const auto at = static_cast<size_t>(r * field.width());
    if (std::abs(
            field.values[at + static_cast<size_t>(a)] - field.values[at + static_cast<size_t>(b)]) >
        1e-6) {
      return false;
    }
  }
  return true;
}

bool agree(const Field& cos, const Field& sin, Pairing pairing) {
  const int64_t half = cos.width() / 2;
  for (int64_t i = 0; i < half; ++i) {
    const int64_t a = pairing == Pairing::half ? i : 2 * i;
    const int64_t b = pairing == Pairing::half ? i + half : 2 * i + 1;
    if (!columns_agree(cos, a, b) || !columns_agree(sin, a, b)) {
      return false;
    }
  }
  return cos.width() % 2 == 0;
}

std::optional<Table> table_from(const Field& cos, const Field& sin, Part part) {
  Table out;
  out.part = part;
  for (const Pairing pairing : {Pairing::half, Pairing::interleaved}) {
    if (agree(cos, sin, pairing)) {
      auto turn = turn_of(cos, sin, cos.width(), pairing);
      return turn ? std::optional(Table{std::move(*turn), part, false, false}) : std::nullopt;
    }
  }
  auto turn = turn_of(cos, sin, 2 * cos.width(), Pairing::half);
  return turn ? std::optional(Table{std::move(*turn), part, true, false}) : std::nullopt;
}

Field half_of(const Field& field, bool second, bool is_stacked) {
  Field out;
  if (is_stacked) {
    out.shape.assign(field.shape.begin() + 1, field.shape.end());
    const auto middle = field.values.begin() + static_cast<std::ptrdiff_t>(field.values.size() / 2);
    second ? out.values.assign(middle, field.values.end())
           : out.values.assign(field.values.begin(), middle);
    return out;
  }
  out.shape.assign(field.shape.begin(), field.shape.end() - 1);
  for (size_t i = second ? 1 : 0; i < field.values.size(); i += 2) {
    out.values.push_back(field.values[i]);
  }
  return out;
}

/// The table that a checkpoint is on one side, by its own values and what stands beside it.
std::optional<Table> table_at(const Case& at, const Field& ref, Side side) {
  const auto rows = table_around(at);
  if (rows.size() == 2 && ref.width() != 2) {
    const bool is_sine = rows[1] == at.row;
    const auto other = at.scene.pair(rows[is_sine ? 0 : 1]);
    if (!other) {
      return std::nullopt;
    }
    const Field& beside = side == Side::ref ? other->ref : other->port;
    if (beside.shape != ref.shape) {
      return std::nullopt;
    }
    return is_sine ? table_from(beside, ref, Part::sin) : table_from(ref, beside, Part::cos);
  }
  const bool is_stacked = ref.width() != 2 && ref.rank() >= 3 && ref.shape[0] == 2;
  if (rows.empty() || !(is_stacked || (ref.width() == 2 && ref.rank() >= 3))) {
    return std::nullopt;
  }
  auto out =
      table_from(half_of(ref, false, is_stacked), half_of(ref, true, is_stacked), Part::both);
  if (out) {
    out->is_stacked = is_stacked;
  }
  return out;
}

/// What the checkpoint would hold of another turn.
Field back(const Table& table, const Turn& turn, const artifacts::Shape& shape) {
  const int64_t columns = table.is_per_pair ? turn.width / 2 : turn.width;
  std::vector<double> cos, sin;
  for (int64_t r = 0; r < turn.batch * turn.rows; ++r) {
    for (int64_t i = 0; i < columns; ++i) {
      const auto at = static_cast<size_t>(r * turn.width + i);
      cos.push_back(turn.cos[at]);
      sin.push_back(turn.sin[at]);
    }
  }
  if (table.part != Part::both) {
    return {shape, table.part == Part::cos ? cos : sin};
  }
  if (table.is_stacked) {
    cos.insert(cos.end(), sin.begin(), sin.end());
    return {shape, cos};
  }
  Field out{shape, {}};
  for (size_t i = 0; i < cos.size(); ++i) {
    out.values.insert(out.values.end(), {cos[i], sin[i]});
  }
  return out;
}

void add_variants(const Case& at, std::shared_ptr<const Table> table, Proposals& proposals) {
  const double before = at.before();
  Promising found;
  for (auto& variant : all_variants(table->turn, table->turn.rows + 1)) {
    const double left = residual(at, back(*table, variant.turn, at.ref.shape));
    if (left < kPromising * before) {
      found.emplace_back(left, std::move(variant));
    }
  }
  keep_best(found);
  for (const auto& [left, variant] : found) {
    const auto field = std::make_shared<const Field>(back(*table, variant.turn, at.ref.shape));
    proposals.add(
        {variant.id,
         [field, detail = variant.detail](const Half&) {
           return std::optional(Prediction{*field, "", detail});
         },
         false});
  }
}

/// One angle more in every row, of each pair its own: positions that all moved by as much, whatever
/// the frequencies.
std::optional<Prediction> moved_on(const Case& at, const Table& table, const Half& fit) {
  const auto port = table_at(at, at.port, Side::port);
  if (!port || port->turn.cos.size() != table.turn.cos.size()) {
    return std::nullopt;
  }
  const Turn &a = table.turn, &b = port->turn;
  Turn out = a;
  for (int64_t i = 0; i < a.width; ++i) {
    double c = 0, s = 0;
    for (int64_t r = 0; r < a.batch * a.rows; ++r) {
      const auto k = static_cast<size_t>(r * a.width + i);
      if (fit.holds(static_cast<int64_t>(k))) {
        c += a.cos[k] * b.cos[k] + a.sin[k] * b.sin[k];
        s += a.cos[k] * b.sin[k] - a.sin[k] * b.cos[k];
      }
    }
    const double size = std::hypot(c, s);
    for (int64_t r = 0; size > 0 && r < a.batch * a.rows; ++r) {
      const auto k = static_cast<size_t>(r * a.width + i);
      out.cos[k] = (a.cos[k] * c - a.sin[k] * s) / size;
      out.sin[k] = (a.sin[k] * c + a.cos[k] * s) / size;
    }
  }
  return Prediction{back(table, out, at.ref.shape), "", "every row turned on by the same angles"};
}

/// Another base; `field_at` gives what the checkpoint would hold with it.
void add_theta(
    const Case& at,
    double theta,
    std::function<Field(double theta)> field_at,
    Proposals& proposals) {
  const auto predict = [&at, theta, field_at = std::move(field_at)](const Half& fit) {
    const double best = std::exp(least_of(
        [&](double x) { return error_over(at, field_at(std::exp(x)), fit); },
        kLeastTheta,
        kMostTheta,
        96));
    return std::optional(Prediction{
        field_at(best), "", fmt::format("base {:.5g}, the reference's {:.5g}", best, theta)});
  };
  proposals.add({"rope.theta", predict, true});
}

/// Frequencies by themselves: 1, r, r², …
void propose_frequencies(const Case& at, Proposals& proposals) {
  const auto& f = at.ref.values;
  if (at.ref.rank() != 1 || f.size() < 3 || std::abs(f[0] - 1) > 1e-3 || f[1] >= 1 || f[1] <= 0) {
    return;
  }
  const auto n = static_cast<double>(f.size());
  for (size_t i = 2; i < f.size(); ++i) {
    if (std::abs(f[i] / std::pow(f[1], i) - 1) > 0.02) {
      return;
    }
  }
  const auto field_at = [count = f.size(), n, shape = at.ref.shape](double theta) {
    Field out{shape, {}};
    for (size_t i = 0; i < count; ++i) {
      out.values.push_back(std::pow(theta, -static_cast<double>(i) / n));
    }
    return out;
  };
  add_theta(at, std::pow(f[1], -n), field_at, proposals);
}

Field angles_of(const RotaryPlan& plan, const Turn& like, const Field& shape_of) {
  const int64_t columns = shape_of.width();
  Field out{shape_of.shape, std::vector<double>(shape_of.values.size())};
  for (int64_t r = 0; r < like.batch * like.rows; ++r) {
    for (size_t a = 0; a < plan.axes.size(); ++a) {
      const Axis& axis = plan.axes[a];
      for (size_t i = 0; i < axis.frequencies.size(); ++i) {
        const int64_t pair = axis.first_pair + static_cast<int64_t>(i);
        const double angle = axis.positions[static_cast<size_t>(r)] * axis.frequencies[i];
        for (int64_t column = pair; column < columns; column += like.width / 2) {
          out.values[static_cast<size_t>(r * columns + column)] = angle;
        }
      }
    }
  }
  return out;
}

/// Angles, neither cosine nor sine: [T, D/2], or twice that.
void propose_angles(const Case& at, Proposals& proposals) {
  Field cos = at.ref, sin = at.ref;
  for (size_t i = 0; i < cos.values.size(); ++i) {
    cos.values[i] = std::cos(at.ref.values[i]);
    sin.values[i] = std::sin(at.ref.values[i]);
  }
  const auto table = table_from(cos, sin, Part::both);
  const auto plan =
      table && table->turn.pairing == Pairing::half ? plan_of(table->turn) : std::nullopt;
  if (!plan || relative_error(at.ref, angles_of(*plan, table->turn, at.ref)) > 1e-2) {
    return;
  }
  const Turn like = table->turn;
  if (plan->theta > 0) {
    add_theta(
        at,
        plan->theta,
        [&at, plan = *plan, like](double theta) {
          return angles_of(with_theta(plan, theta), like, at.ref);
        },
        proposals);
  }
  const RowSet all(plan->axes[0].positions.size(), true);
  for (size_t a = 0; a < plan->axes.size(); ++a) {
    for (const double by : {1.0, -1.0, 2.0, -2.0}) {
      if (plan->axes[a].is_still() && plan->theta <= 0) {
        continue;
      }
      const Field field = angles_of(with_offset(*plan, a, by, all), like, at.ref);
      proposals.add(
          {"rope.offset",
           [field, by](const Half&) {
             return std::optional(Prediction{field, "", fmt::format("positions {:+}", by)});
           },
           false});
    }
  }
}

} // namespace

void propose_table(const Case& at, Proposals& proposals) {
  if (!at.same_shape || table_around(at).empty()) {
    return;
  }
  auto table = table_at(at, at.ref, Side::ref);
  if (!table) {
    propose_frequencies(at, proposals);
    propose_angles(at, proposals);
    return;
  }
  const auto shared = std::make_shared<const Table>(std::move(*table));
  add_variants(at, shared, proposals);
  if (shared->turn.batch * shared->turn.rows >= 4) {
    proposals.add(
        {"rope.offset",
         [&at, shared](const Half& fit) { return moved_on(at, *shared, fit); },
         true});
  }
  const auto plan = plan_of(shared->turn);
  if (plan && plan->theta > 0 && at.ref.count() <= kMostSolved) {
    add_theta(
        at,
        plan->theta,
        [&at, shared, plan = *plan](double theta) {
          return back(*shared, made(with_theta(plan, theta), shared->turn), at.ref.shape);
        },
        proposals);
  }
}

} // namespace mflux::parity
