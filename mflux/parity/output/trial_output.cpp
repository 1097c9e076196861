#include "mflux/parity/output/trial_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/base/json.h"
#include "mflux/base/text_table.h"

namespace mflux::parity {
namespace {

using Cell = TextTable::Cell;

Colour colour_of(Verdict verdict) {
  return verdict == Verdict::pass ? Colour::green : Colour::red;
}

std::string arrow(const std::string& before, const std::string& after) {
  return before == after ? before : fmt::format("{} → {}", before, after);
}

std::string score(const Row& row, double Metrics::*field) {
  if (!row.metrics) {
    return "-";
  }
  const double value = *row.metrics.*field;
  return value == 0 ? "0" : fmt::format("{:.2e}", value);
}

std::string cosine(const Row& row) {
  return row.metrics ? fmt::format("{:.6f}", row.metrics->cosine) : "-";
}

std::string rule_of(const Row& row) {
  return row.tolerance
             ? fmt::format(
                   "atol {:g} rtol {:g}, {}", row.tolerance->atol, row.tolerance->rtol, row.rule)
             : row.rule;
}

void add_row(TextTable& table, const TriedRow& tried, Side side) {
  const Row &before = tried.before, &after = tried.after;
  const auto shape = [&](const Row& row) {
    return artifacts::to_string(side == Side::ref ? row.ref_shape : row.port_shape);
  };
  const auto both = [&](double Metrics::*field) {
    return Cell{arrow(score(before, field), score(after, field))};
  };
  table.add(
      {{arrow(std::string(name_of(before.verdict)), std::string(name_of(after.verdict))),
        colour_of(after.verdict)},
       {printable(before.ref->text)},
       {arrow(shape(before), shape(after))},
       both(&Metrics::rel_l2),
       both(&Metrics::max_abs),
       {arrow(cosine(before), cosine(after))},
       {printable(rule_of(after)), Colour::dim}});
}

Json row_json(const Row& row) {
  const auto metric = [&](double Metrics::*field) {
    return row.metrics ? Json(*row.metrics.*field) : Json(nullptr);
  };
  return {
      {"verdict", name_of(row.verdict)},
      {"ref_shape", row.ref_shape},
      {"port_shape", row.port_shape},
      {"rel_l2", metric(&Metrics::rel_l2)},
      {"max_abs", metric(&Metrics::max_abs)},
      {"cosine", metric(&Metrics::cosine)},
      {"ratio", row.ratio ? Json(*row.ratio) : Json(nullptr)},
      {"notes", row.notes}};
}

} // namespace

std::string format_trial(const Trial& trial, bool coloured) {
  TextTable table;
  std::vector<Cell> head;
  for (const char* name :
       {"verdict", "checkpoint", "shape", "rel_l2", "max_abs", "cosine", "rule"}) {
    head.push_back({name, Colour::dim});
  }
  table.add(std::move(head));
  std::string notes;
  for (const auto& tried : trial.rows) {
    add_row(table, tried, trial.side);
    for (const auto& note : tried.after.notes) {
      notes += fmt::format("  {}: {}\n", printable(tried.after.ref->text), printable(note));
    }
  }
  const auto passing = std::count_if(trial.rows.begin(), trial.rows.end(), [](const auto& tried) {
    return tried.after.verdict == Verdict::pass;
  });
  return fmt::format(
      "{}{}\n{}  {} of {} checkpoints pass with the {} after {}\n",
      table.format(coloured),
      notes,
      painted(std::string(name_of(trial.verdict)), colour_of(trial.verdict), coloured),
      passing,
      trial.rows.size(),
      name_of(trial.side),
      to_string(trial.chain));
}

std::string to_json(const Trial& trial) {
  Json out;
  out["schema"] = 1;
  out["verdict"] = name_of(trial.verdict);
  out["transform"] = to_string(trial.chain);
  out["side"] = trial.side == Side::ref ? "ref" : "port";
  auto& rows = out["checkpoints"] = Json::array();
  for (const auto& [before, after] : trial.rows) {
    rows.push_back(
        {{"name", without_step(before.ref->name)},
         {"step", before.ref->name.step ? Json(*before.ref->name.step) : Json(nullptr)},
         {"rule", after.rule},
         {"atol", after.tolerance ? Json(after.tolerance->atol) : Json(nullptr)},
         {"rtol", after.tolerance ? Json(after.tolerance->rtol) : Json(nullptr)},
         {"before", row_json(before)},
         {"after", row_json(after)}});
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace mflux::parity
