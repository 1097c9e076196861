#include "mflux/parity/bisect/narrow.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/parity/bisect/modules.h"
#include "mflux/parity/runs/runs.h"

namespace mflux::parity {
namespace {

std::vector<size_t> captured_in(const std::vector<Round>& rounds) {
  std::vector<size_t> spots;
  for (const auto& round : rounds) {
    spots.insert(spots.end(), round.spots.begin(), round.spots.end());
  }
  return spots;
}

/// Modules that are to be captured, as long as there is room.
class Basket {
 public:
  Basket(const Survey& survey, const CalledModules& modules, const Limits& limits)
      : survey_(survey), modules_(modules), limits_(limits) {}

  bool fits(const Nodes& nodes) const {
    const Cost cost = cost_of(nodes);
    return cost_.bytes + cost.bytes <= limits_.bytes && cost_.text + cost.text <= limits_.text;
  }

  void add(const Nodes& nodes) {
    const Cost cost = cost_of(nodes);
    cost_.bytes += cost.bytes;
    cost_.text += cost.text;
    for (const size_t node : nodes) {
      const auto more = modules_.spots_of(node);
      spots_.insert(spots_.end(), more.begin(), more.end());
    }
  }

  std::vector<size_t> spots() const {
    auto sorted = spots_;
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    return sorted;
  }

 private:
  struct Cost {
    uint64_t bytes = 0;
    size_t text = 0;
  };

  Cost cost_of(const Nodes& nodes) const {
    constexpr size_t kQuotes = 3; // and the space
    Cost cost;
    for (const size_t node : nodes) {
      for (const size_t spot : modules_.spots_of(node)) {
        const auto& [ref, port, bytes, name] = survey_.spots[spot];
        cost.bytes += bytes;
        cost.text += std::max(ref.size(), port.size()) + kQuotes;
      }
    }
    return cost;
  }

  const Survey& survey_;
  const CalledModules& modules_;
  const Limits& limits_;
  std::vector<size_t> spots_;
  Cost cost_;
};

std::string modules_text(size_t count) {
  return count == 1 ? "1 module" : fmt::format("{} modules", count);
}

/// All of `wanted` and what is inside them as deep as it fits; how much that is.
std::string take_levels(Basket& basket, const CalledModules& modules, const Nodes& wanted) {
  basket.add(wanted);
  size_t levels = 0;
  Nodes level = wanted;
  while (!level.empty()) {
    Nodes next;
    for (const size_t node : level) {
      const auto more = modules.new_inside(node);
      next.insert(next.end(), more.begin(), more.end());
    }
    if (next.empty() || !basket.fits(next)) {
      break;
    }
    basket.add(next);
    level = std::move(next);
    ++levels;
  }
  const auto count = modules_text(wanted.size());
  return levels == 0 ? count : fmt::format("{}, and {} more levels inside", count, levels);
}

/// Every n-th of `wanted`, the smallest power of two that fits, the last of each group.
std::string take_some(Basket& basket, const Nodes& wanted, const Limits& limits) {
  for (size_t stride = 2; stride < wanted.size(); stride *= 2) {
    Nodes some;
    for (size_t i = stride - 1; i < wanted.size(); i += stride) {
      some.push_back(wanted[i]);
    }
    if (basket.fits(some)) {
      basket.add(some);
      return fmt::format(
          "{} of {}, for all need more than {}",
          some.size(),
          modules_text(wanted.size()),
          size_text(limits.bytes));
    }
  }
  const Nodes middle{wanted[wanted.size() / 2]};
  const bool has_room = basket.fits(middle);
  basket.add(middle);
  return fmt::format(
      "1 of {}{}",
      modules_text(wanted.size()),
      has_room ? "" : fmt::format(", which alone needs more than {}", size_text(limits.bytes)));
}

class Decider {
 public:
  Decider(const Survey& survey, const std::vector<Round>& rounds, const Limits& limits)
      : survey_(survey), rounds_(rounds), limits_(limits), modules_(survey, captured_in(rounds)) {}

  std::variant<BisectPlan, Conclusion> decide() const {
    if (rounds_.empty() || !rounds_.back().found) {
      return nothing_found();
    }
    const Found& found = *rounds_.back().found;
    const auto spot = spot_of(found.checkpoint);
    if (!spot) {
      return conclude(Conclusion::Kind::own, found.checkpoint, found);
    }
    const size_t bad = modules_.node_of(*spot);
    const auto role = survey_.spots[*spot].name.role;
    const bool passes_in = role == Role::out && modules_.has_inputs(bad);
    if (role == Role::out) {
      if (const auto inner = modules_.new_inside(bad); !inner.empty()) {
        const char* what =
            passes_in ? "its inputs pass and its output does not" : "its output fails";
        return plan(fmt::format("inside {}: {}", modules_.name(bad), what), inner, {bad});
      }
    }
    const size_t outer = modules_.around(bad);
    if (!passes_in) {
      if (const auto earlier = new_before(bad, outer); !earlier.empty()) {
        Nodes context{bad};
        if (outer != 0) {
          context.push_back(outer);
        }
        return plan(
            fmt::format("before {}: {} already fails", modules_.name(bad), found.checkpoint),
            earlier,
            context);
      }
    }
    if (role == Role::in) {
      auto end = conclude(Conclusion::Kind::between, modules_.name(bad), found);
      end.before = ran_before(*spot, outer);
      return end;
    }
    const bool is_leaf = modules_.inside(bad).empty();
    return conclude(
        is_leaf ? Conclusion::Kind::leaf : Conclusion::Kind::own, modules_.name(bad), found);
  }

 private:
  static Conclusion conclude(Conclusion::Kind kind, std::string module, const Found& found) {
    Conclusion end;
    end.kind = kind;
    end.module = std::move(module);
    end.found = found;
    return end;
  }

  std::variant<BisectPlan, Conclusion> nothing_found() const {
    for (const auto& round : rounds_) {
      if (round.found) {
        return conclude(Conclusion::Kind::unstable, round.found->checkpoint, *round.found);
      }
    }
    const auto rest = modules_.new_inside(0);
    if (rest.empty()) {
      return Conclusion{};
    }
    return plan(
        rounds_.empty() ? "the outermost modules and checkpoints"
                        : "nothing fails so far; of the outermost that are left",
        rest,
        {});
  }

  std::optional<size_t> spot_of(const std::string& checkpoint) const {
    for (size_t i = 0; i < survey_.spots.size(); ++i) {
      if (canonical(survey_.spots[i].name) == checkpoint) {
        return i;
      }
    }
    return std::nullopt;
  }

  /// What was not captured yet and runs in `outer` before `bad`: after what was captured last
  /// before it, or when nothing is left there, all of it.
  Nodes new_before(size_t bad, size_t outer) const {
    size_t known = 0;
    Nodes all, recent;
    for (const size_t node : modules_.inside(outer)) {
      if (node == bad || modules_.first(node) > modules_.first(bad)) {
        continue;
      }
      if (modules_.is_new(node)) {
        all.push_back(node);
      } else {
        known = std::max(known, modules_.last(node));
      }
    }
    std::copy_if(all.begin(), all.end(), std::back_inserter(recent), [&](size_t node) {
      return modules_.first(node) > known;
    });
    return recent.empty() ? all : recent;
  }

  std::string ran_before(size_t spot, size_t outer) const {
    std::optional<size_t> best;
    for (const size_t node : modules_.inside(outer)) {
      if (modules_.last(node) < spot && (!best || modules_.last(node) > modules_.last(*best))) {
        best = node;
      }
    }
    return best ? modules_.name(*best) : std::string();
  }

  BisectPlan plan(const std::string& why, const Nodes& wanted, const Nodes& context) const {
    Basket basket(survey_, modules_, limits_);
    basket.add(context);
    const std::string amount = basket.fits(wanted) ? take_levels(basket, modules_, wanted)
                                                   : take_some(basket, wanted, limits_);
    return {basket.spots(), fmt::format("{} ({})", why, amount)};
  }

  const Survey& survey_;
  const std::vector<Round>& rounds_;
  const Limits& limits_;
  CalledModules modules_;
};

std::optional<double> if_finite(std::optional<double> value) {
  return value && std::isfinite(*value) ? value : std::nullopt;
}

} // namespace

std::string_view name_of(Conclusion::Kind kind) {
  switch (kind) {
    case Conclusion::Kind::leaf:
      return "leaf";
    case Conclusion::Kind::own:
      return "own";
    case Conclusion::Kind::between:
      return "between";
    case Conclusion::Kind::unstable:
      return "unstable";
    case Conclusion::Kind::passes:
      break;
  }
  return "passes";
}

std::optional<Found> found_in(const Comparison& comparison) {
  if (!comparison.first_divergence) {
    return std::nullopt;
  }
  const auto& divergence = *comparison.first_divergence;
  const Row& row = comparison.rows[divergence.row];
  if (row.ref->picture != artifacts::PictureKind::none) {
    return std::nullopt;
  }
  return Found{
      canonical(row.ref->name),
      row.ref->module_class,
      std::string(name_of(row.verdict)),
      divergence.owner,
      divergence.why,
      if_finite(gain_error_of(row)),
      if_finite(row.input_error),
      if_finite(row.gain)};
}

std::variant<BisectPlan, Conclusion> decide(
    const Survey& survey, const std::vector<Round>& rounds, const Limits& limits) {
  return Decider(survey, rounds, limits).decide();
}

} // namespace mflux::parity
