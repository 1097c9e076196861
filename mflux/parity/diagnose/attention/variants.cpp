#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/attention/masks.h"
#include "mflux/parity/diagnose/attention/model.h"
#include "mflux/parity/diagnose/attention/plan.h"

namespace mflux::parity {
namespace {

/// Larger tables are tried with few offsets.
constexpr int64_t kMostTried = 1 << 17;

using TurnPointer = std::shared_ptr<const Turn>;

enum class On { both, q, k };

void add(
    const Setup& base,
    const std::string& id,
    const std::string& detail,
    const TurnPointer& turn,
    On on,
    std::vector<SetupVariant>& out) {
  Setup setup = base;
  setup.turn_q = on == On::k ? base.turn_q : turn;
  setup.turn_k = on == On::q ? base.turn_k : turn;
  const char* where = on == On::both ? "" : on == On::q ? ", on q only" : ", on k only";
  out.push_back({id, detail + where, std::move(setup)});
}

std::vector<double> offsets_for(const Turn& turn, int64_t moved) {
  std::vector<double> out = {1, -1};
  for (int by = 2; by <= 10 && turn.rows * turn.width <= kMostTried; ++by) {
    out.insert(out.end(), {1.0 * by, -1.0 * by});
  }
  for (const int64_t by : {turn.rows, moved, turn.rows - moved}) {
    if (by > 10) {
      out.insert(out.end(), {1.0 * by, -1.0 * by});
    }
  }
  return out;
}

/// Rows whose positions may be moved together: all, those that the axis turns, those that it does
/// not.
std::vector<std::vector<bool>> parts_of(const Axis& axis) {
  const size_t rows = axis.positions.size();
  std::vector<std::vector<bool>> out = {std::vector<bool>(rows, true)};
  std::vector<bool> turning(rows), resting(rows);
  for (size_t r = 0; r < rows; ++r) {
    turning[r] = axis.positions[r] != 0;
    resting[r] = !turning[r];
  }
  if (std::count(turning.begin(), turning.end(), true) > 0) {
    out.push_back(turning);
    out.push_back(resting);
  }
  return out;
}

std::vector<bool> rows_from(size_t rows, int64_t begin, int64_t end) {
  std::vector<bool> out(rows);
  for (int64_t r = begin; r < end; ++r) {
    out[static_cast<size_t>(r)] = true;
  }
  return out;
}

void add_offsets(
    const Setup& base, const Plan& plan, const Target& target, std::vector<SetupVariant>& out) {
  const Turn& turn = *base.turn_q;
  for (size_t a = 0; a < plan.axes.size(); ++a) {
    if (plan.axes[a].is_still() && plan.theta <= 0) {
      continue;
    }
    auto parts = parts_of(plan.axes[a]);
    const size_t rows = parts[0].size();
    if (target.tokens < turn.rows && turn.batch == 1) {
      parts.push_back(rows_from(rows, target.first_token, target.first_token + target.tokens));
    }
    for (size_t p = 0; p < parts.size(); ++p) {
      const int64_t moved = std::count(parts[p].begin(), parts[p].end(), true);
      for (const double by : offsets_for(turn, moved)) {
        const auto other =
            std::make_shared<const Turn>(made(with_offset(plan, a, by, parts[p]), turn));
        const auto detail = fmt::format("positions + {} along axis {} at {} rows", by, a, moved);
        add(base, "rope.offset", detail, other, p == 0 ? On::q : On::both, out);
        if (p == 0) {
          add(base, "rope.offset", detail, other, On::k, out);
        }
      }
    }
  }
}

void add_turns(const Model& model, std::vector<SetupVariant>& out) {
  const Setup& base = model.setup;
  if (!base.turn_q || base.turn_q != base.turn_k) {
    return;
  }
  for (const auto& [id, detail, turn] : variants(*base.turn_q, model.site.ref.q.heads)) {
    const auto other = std::make_shared<const Turn>(turn);
    for (const On on : {On::both, On::q, On::k}) {
      add(base, id, detail, other, on, out);
    }
  }
  const auto plan = plan_of(*base.turn_q);
  if (!plan) {
    return;
  }
  for (const auto& found :
       {axes_variants(*plan, *base.turn_q), frequency_variants(*plan, *base.turn_q)}) {
    for (const auto& [id, detail, turn] : found) {
      add(base, id, detail, std::make_shared<const Turn>(turn), On::both, out);
    }
  }
  add_offsets(base, *plan, model.site.target, out);
}

} // namespace

std::vector<SetupVariant> variants(const Case& at, const Model& model) {
  std::vector<SetupVariant> out;
  add_turns(model, out);
  for (auto& variant : mask_variants(at, model)) {
    out.push_back(std::move(variant));
  }
  const auto& k = model.site.ref.k;
  if (k.heads > 1 && k.heads < model.site.ref.q.heads) {
    Setup setup = model.setup;
    setup.tiles_keys = !setup.tiles_keys;
    out.push_back(
        {"layout.gqa_repeat",
         fmt::format("query head h reads key head h % {}", k.heads),
         std::move(setup)});
  }
  return out;
}

} // namespace mflux::parity
