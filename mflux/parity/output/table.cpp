#include "mflux/parity/output/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/base/text_table.h"
#include "mflux/parity/output/values.h"

namespace mflux::parity {
namespace {

using Cell = TextTable::Cell;

/// As many rows of a kind as a reader can take in; the rest is counted.
constexpr size_t kManyPassing = 80;
constexpr size_t kManyFailing = 60;
constexpr size_t kManyNames = 20;
constexpr size_t kExtraNames = 5;

Colour colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return Colour::green;
    case Verdict::missing:
    case Verdict::inherited:
    case Verdict::inconclusive:
      return Colour::yellow;
    default:
      return Colour::red;
  }
}

std::string number(double value) {
  return value == 0 ? "0" : std::isinf(value) ? "inf" : fmt::format("{:.2e}", value);
}

std::string dtypes_of(const Row& row) {
  std::string text(name_of(row.ref->dtype));
  if (row.port && row.port->dtype != row.ref->dtype) {
    text += fmt::format("/{}", name_of(row.port->dtype));
  }
  if (row.metrics && row.effective != row.ref->dtype && is_half_like(row.effective)) {
    text += fmt::format(" ({})", name_of(row.effective));
  }
  return text;
}

std::string rule_of(const Row& row) {
  return row.tolerance
             ? fmt::format(
                   "atol {:g} rtol {:g}, {}", row.tolerance->atol, row.tolerance->rtol, row.rule)
             : row.rule;
}

void add_head(TextTable& table) {
  std::vector<Cell> head;
  for (const char* name :
       {"verdict",
        "checkpoint",
        "shape",
        "dtype",
        "rel_l2",
        "max_abs",
        "max_rel",
        "gain",
        "rule"}) {
    head.push_back({name, Colour::dim});
  }
  table.add(std::move(head));
}

/// Of what was compared, which may be a part of the tensor.
std::string shape_of(const Row& row) {
  const bool is_crop = row.ref->slice || (row.port && row.port->slice);
  return artifacts::to_string(row.ref_shape) + (is_crop ? " crop" : "");
}

void add_row(TextTable& table, const Row& row) {
  const auto metric = [&](double Metrics::*field) {
    return Cell{row.metrics ? number(*row.metrics.*field) : "-"};
  };
  const bool failing = is_failing(row.verdict);
  table.add(
      {{std::string(name_of(row.verdict)), colour_of(row.verdict)},
       {printable(row.ref->text)},
       {shape_of(row)},
       {dtypes_of(row)},
       metric(&Metrics::rel_l2),
       metric(&Metrics::max_abs),
       metric(&Metrics::max_rel),
       {failing && row.gain ? fmt::format("{:.2g}", *row.gain) : "-"},
       {printable(rule_of(row)), Colour::dim}});
}

/// The rows that `wanted` picks; at most `most` unless all are asked for.
template <typename Wanted>
std::string rows_text(
    const Comparison& comparison,
    const TableOptions& options,
    size_t most,
    const std::string& what,
    Wanted&& wanted) {
  TextTable table;
  add_head(table);
  size_t shown = 0, hidden = 0;
  for (const auto& row : comparison.rows) {
    if (!wanted(row)) {
      continue;
    }
    if (!options.all && shown == most) {
      ++hidden;
      continue;
    }
    add_row(table, row);
    ++shown;
  }
  if (shown == 0) {
    return {};
  }
  std::string text = table.format(options.coloured);
  if (hidden > 0) {
    text += fmt::format("  … and {} more {} (--all shows them)\n", hidden, what);
  }
  return text + "\n";
}

/// One line per component for many passing rows.
std::string folded_passes(const Comparison& comparison, const TableOptions& options) {
  struct Fold {
    size_t count = 0;
    const Row* worst = nullptr;
  };
  std::map<std::string, Fold> folds;
  for (const auto& row : comparison.rows) {
    if (row.verdict != Verdict::pass) {
      continue;
    }
    Fold& fold = folds[component_of(row.ref->name)];
    ++fold.count;
    if (!fold.worst || error_of(row).value_or(0) > error_of(*fold.worst).value_or(0)) {
      fold.worst = &row;
    }
  }
  TextTable table;
  for (const auto& [component, fold] : folds) {
    table.add(
        {{"PASS", Colour::green},
         {component},
         {fmt::format("{} checkpoints", fold.count)},
         {fmt::format(
             "worst rel_l2 {} at {}",
             number(error_of(*fold.worst).value_or(0)),
             printable(fold.worst->ref->text))}});
  }
  return table.format(options.coloured) + "  (--all lists them)\n\n";
}

std::string passing_rows(const Comparison& comparison, const TableOptions& options) {
  const auto passes = [](const Row& row) { return row.verdict == Verdict::pass; };
  const auto count =
      static_cast<size_t>(std::count_if(comparison.rows.begin(), comparison.rows.end(), passes));
  if (!options.all && count > kManyPassing) {
    return folded_passes(comparison, options);
  }
  return rows_text(comparison, options, kManyPassing, "that pass", passes);
}

void add_strip(TextTable& table, const std::string& what, const Strip& strip) {
  const auto line = [&](const std::string& head, const std::string& side, auto&& value) {
    std::vector<Cell> cells{{head, Colour::dim}, {side, Colour::dim}};
    for (size_t i = 0; i < strip.ref.size(); ++i) {
      cells.push_back({fmt::format("{:.6g}", value(i))});
    }
    table.add(std::move(cells));
  };
  line(what, "ref", [&](size_t i) { return strip.ref[i]; });
  line("", "port", [&](size_t i) { return strip.port[i]; });
}

std::string divergence_text(const Comparison& comparison, const TableOptions& options) {
  if (!comparison.first_divergence) {
    return {};
  }
  const Divergence& divergence = *comparison.first_divergence;
  const Row& row = comparison.rows[divergence.row];
  std::string text = fmt::format(
      "{} {}\n  in the forward of {}{}\n  {}\n",
      painted("First divergence:", Colour::bold, options.coloured),
      painted(printable(row.ref->text), Colour::red, options.coloured),
      printable(divergence.owner),
      divergence.between.empty() ? "" : printable(", between " + divergence.between),
      divergence.why);
  if (row.metrics && row.metrics->count > 0) {
    const auto& worst = row.metrics->worst;
    text += fmt::format(
        "  cosine {:.6f}, port = {:.6g} * ref + {:.3g}; worst at flat index {}: {:.9g} in the "
        "reference, {:.9g} in the port\n",
        row.metrics->cosine,
        row.metrics->slope,
        row.metrics->intercept,
        worst.index,
        worst.ref,
        worst.port);
    const Strips strips = strips_of(comparison, row);
    TextTable table;
    add_strip(table, "first values", strips.first);
    add_strip(table, fmt::format("from index {}", strips.worst.begin), strips.worst);
    text += table.format(options.coloured);
  }
  return text + "\n";
}

std::string findings_text(const Comparison& comparison) {
  std::string text;
  for (const auto& finding : comparison.findings) {
    text += fmt::format("Perhaps ({}): {}\n", finding.kind, printable(finding.text));
  }
  return text.empty() ? text : text + "\n";
}

std::string notes_text(const Comparison& comparison, const TableOptions& options) {
  std::string text;
  size_t notes = 0;
  for (const auto& row : comparison.rows) {
    for (const auto& note : row.notes) {
      if (options.all || ++notes <= kManyNames) {
        text += fmt::format("  {}: {}\n", printable(row.ref->text), printable(note));
      }
    }
  }
  if (!options.all && notes > kManyNames) {
    text += fmt::format("  … and {} more notes (--all shows them)\n", notes - kManyNames);
  }
  return text.empty() ? text : text + "\n";
}

/// As a TOML string in double quotes, whose escapes are JSON's.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string guesses_text(const Comparison& comparison, const TableOptions& options) {
  const auto& guesses = comparison.guesses;
  if (guesses.empty()) {
    return {};
  }
  std::string text = "What was matched by values alone, as rules for map.toml:\n";
  const size_t shown = options.all ? guesses.size() : std::min(kManyNames, guesses.size());
  for (size_t i = 0; i < shown; ++i) {
    text += fmt::format(
        "  [[rename]]\n  from = {}\n  to = {}\n", quoted(guesses[i].from), quoted(guesses[i].to));
  }
  if (shown < guesses.size()) {
    text += fmt::format("  … and {} more (--all shows them)\n", guesses.size() - shown);
  }
  return text + "\n";
}

/// Never the whole list: it says nothing about the verdict, and --json has it.
std::string extra_text(const Comparison& comparison) {
  const auto& extra = comparison.extra;
  if (extra.empty()) {
    return {};
  }
  std::string text = fmt::format("Only in the port ({}):", extra.size());
  for (size_t i = 0; i < std::min(kExtraNames, extra.size()); ++i) {
    text += fmt::format("{} {}", i ? "," : "", printable(extra[i]->text));
  }
  return text + (extra.size() > kExtraNames ? ", … (--json lists them)\n\n" : "\n\n");
}

std::string head_text(const Comparison& comparison) {
  std::string text = fmt::format(
      "reference {} ({} checkpoints)\nport      {} ({} checkpoints)\n",
      printable(comparison.ref.path().string()),
      comparison.ref.checkpoints().size(),
      printable(comparison.port.path().string()),
      comparison.port.checkpoints().size());
  if (comparison.ref32) {
    text += fmt::format(
        "ref32     {} ({} checkpoints)\n",
        printable(comparison.ref32->path().string()),
        comparison.ref32->checkpoints().size());
  }
  for (const auto& fact : comparison.run_facts) {
    text += fmt::format("the runs differ: {}\n", printable(fact));
  }
  for (const auto& remark : comparison.remarks) {
    text += fmt::format("note: {}\n", printable(remark));
  }
  text += comparison.order + "\n";
  if (!comparison.precision.empty()) {
    text += comparison.precision + "\n";
  }
  return text + "\n";
}

} // namespace

std::string format_verdict(const Comparison& comparison, bool coloured) {
  std::map<Verdict, size_t, std::greater<>> counts;
  size_t allowed = 0;
  for (const auto& row : comparison.rows) {
    allowed += row.allowed_missing;
    counts[row.verdict] += !row.allowed_missing;
  }
  std::string text;
  for (const auto& [verdict, count] : counts) {
    if (count > 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name_of(verdict));
    }
  }
  if (allowed > 0) {
    text += fmt::format(", {} missing as allowed", allowed);
  }
  return fmt::format(
      "{}  {} of {} checkpoints compared: {}\n",
      painted(std::string(name_of(comparison.verdict)), colour_of(comparison.verdict), coloured),
      std::count_if(
          comparison.rows.begin(), comparison.rows.end(), [](const Row& r) { return r.port; }),
      comparison.rows.size(),
      text);
}

std::string format_table(const Comparison& comparison, const TableOptions& options) {
  const auto is_broken = [](const Row& row) {
    return row.verdict != Verdict::pass && row.verdict != Verdict::inherited &&
           !row.allowed_missing;
  };
  const auto is_rest = [](const Row& row) {
    return row.verdict == Verdict::inherited || row.allowed_missing;
  };
  std::string text = head_text(comparison);
  text += rows_text(comparison, options, kManyFailing, "that fail", is_broken);
  text += divergence_text(comparison, options);
  text += findings_text(comparison);
  text += rows_text(comparison, options, kManyNames, "like these", is_rest);
  text += passing_rows(comparison, options);
  text += notes_text(comparison, options);
  text += guesses_text(comparison, options);
  text += extra_text(comparison);
  return text + format_verdict(comparison, options.coloured);
}

} // namespace mflux::parity
