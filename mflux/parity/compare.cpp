#include "mflux/parity/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "mflux/base/error.h"
#include "mflux/base/glob.h"
#include "mflux/parity/differences.h"
#include "mflux/parity/dumps/guess.h"
#include "mflux/parity/dumps/order.h"
#include "mflux/parity/places.h"

namespace mflux::parity {
namespace {

bool is_picture(const Checkpoint& checkpoint) {
  return checkpoint.picture != artifacts::PictureKind::none;
}

std::vector<std::string> names_of(const Dump& dump) {
  std::vector<std::string> names;
  for (const auto& checkpoint : dump.checkpoints()) {
    names.push_back(checkpoint.text);
  }
  return names;
}

/// Two bare .npy files, or pictures, are one tensor each, whatever the files are called.
bool are_two_arrays(const Dump& ref, const Dump& port) {
  const auto is_array = [](const Dump& dump) {
    return dump.checkpoints().size() == 1 && !std::filesystem::is_directory(dump.path()) &&
           (dump.path().extension() == ".npy" || is_picture(dump.checkpoints().front()));
  };
  return is_array(ref) && is_array(port);
}

Matching match_dumps(
    const Dump& ref, const Dump& port, const std::optional<std::filesystem::path>& map) {
  if (!map && are_two_arrays(ref, port)) {
    return {{{0, 0, MatchedBy::exact}}, {}, {}, {}};
  }
  if (!map) {
    return match_names(names_of(ref), names_of(port), {});
  }
  const auto renames = read_renames(*map);
  return with_context(
      map->string(), [&] { return match_names(names_of(ref), names_of(port), renames); });
}

std::string first_few(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(names.size(), 3); ++i) {
    text += (i ? ", " : "") + names[i];
  }
  return names.size() > 3 ? fmt::format("{}, … ({} in all)", text, names.size()) : text;
}

/// The facts of the two runs that both name and that differ, nested ones by their path.
void list_differences(
    const Json& ref, const Json& port, const std::string& where, std::vector<std::string>& out) {
  for (const auto& [key, value] : ref.items()) {
    const auto other = port.find(key);
    if (other == port.end() || value == *other) {
      continue;
    }
    const std::string name = where.empty() ? key : fmt::format("{}.{}", where, key);
    if (value.is_object() && other->is_object()) {
      list_differences(value, *other, name, out);
    } else if (key != "images") { // output files, compared as images
      out.push_back(fmt::format(
          "{}: {} in the reference, {} in the port", name, value.dump(), other->dump()));
    }
  }
}

bool allows(const std::string& glob, const Checkpoint& checkpoint) {
  return glob_match(glob, checkpoint.text) || glob_match(glob, without_step(checkpoint.name));
}

std::vector<Row> make_rows(
    const Dump& ref,
    const Dump& port,
    const Matching& matching,
    const std::vector<std::string>& allow_missing) {
  std::vector<Row> rows(ref.checkpoints().size());
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].ref = &ref.checkpoints()[i];
    rows[i].ref_shape = rows[i].ref->shape;
  }
  for (const auto& pair : matching.pairs) {
    rows[pair.ref].port = &port.checkpoints()[pair.port];
    rows[pair.ref].by = pair.by;
    if (pair.by == MatchedBy::guess) {
      rows[pair.ref].notes.push_back(fmt::format(
          "matched to the port's {} by its values alone: a guess", rows[pair.ref].port->text));
    }
  }
  const bool has_picture =
      std::any_of(port.checkpoints().begin(), port.checkpoints().end(), is_picture);
  for (const size_t i : matching.missing) {
    Row& row = rows[i];
    row.verdict = Verdict::missing;
    row.rule = "the port has no such checkpoint";
    row.allowed_missing =
        std::any_of(allow_missing.begin(), allow_missing.end(), [&](const std::string& glob) {
          return allows(glob, *row.ref);
        });
    if (is_picture(*row.ref) && !has_picture) {
      row.allowed_missing = true;
      row.rule = "the port saved no picture beside its tensors";
    }
  }
  return rows;
}

/// What each component with floating checkpoints is judged as.
std::string describe(const ComponentPrecision& precision, const std::vector<Row>& rows) {
  std::set<std::string> components;
  for (const auto& row : rows) {
    if (row.metrics && !is_integral(row.ref->dtype)) {
      components.insert(component_of(row.ref->name));
    }
  }
  std::string text;
  for (const auto& component : components) {
    const auto decision = precision.of(component);
    text += fmt::format(
        "{}{} is {} ({:.0f} % of its elements)",
        text.empty() ? "" : "; ",
        component,
        name_of(decision.dtype),
        100 * decision.share);
  }
  return text;
}

bool is_distinctive(const Metrics& m) {
  const double variance = m.ref_rms * m.ref_rms - m.ref_mean * m.ref_mean;
  return m.count >= 8 && variance > 1e-6 * m.ref_rms * m.ref_rms;
}

/// Puts the rows into execution order and says where it comes from.
std::string put_in_order(std::vector<Row>& rows, const Dump& ref) {
  if (ref.order() == OrderSource::manifest) {
    return "execution order from the reference's manifest.json";
  }
  if (ref.order() == OrderSource::archive) {
    return "execution order from the entries of the reference's file";
  }
  std::vector<OrderItem> items;
  for (const auto& row : rows) {
    OrderItem item{&row.ref->name, 0, false};
    if (row.metrics) {
      item.hash = row.metrics->ref_hash;
      item.distinctive = is_distinctive(*row.metrics);
    }
    items.push_back(item);
  }
  const auto inferred = infer_order(items);
  std::vector<Row> ordered;
  for (const size_t i : inferred.order) {
    ordered.push_back(std::move(rows[i]));
  }
  rows = std::move(ordered);
  std::string text =
      fmt::format("execution order inferred from names and {} equal tensors", inferred.links);
  if (inferred.open > 0) {
    text += fmt::format(
        "; inside {} modules it rests on natural sorting alone and may be wrong", inferred.open);
  }
  return text;
}

void refuse_nothing(const Comparison& comparison) {
  const bool compared =
      std::any_of(comparison.rows.begin(), comparison.rows.end(), [](const Row& row) {
        return row.port && (!row.metrics || row.metrics->count > 0);
      });
  if (compared) {
    return;
  }
  const bool matched = std::any_of(
      comparison.rows.begin(), comparison.rows.end(), [](const Row& row) { return row.port; });
  throw Error(
      matched
          ? "nothing to compare: every tensor that both sides have is empty"
          : fmt::format(
                "nothing to compare: the reference has {}; the port has {}; map.toml can rename "
                "the port's checkpoints",
                first_few(names_of(comparison.ref)),
                first_few(names_of(comparison.port))));
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

/// What was written to match something and matches nothing.
std::vector<std::string> idle_globs(
    const Dump& ref,
    const std::vector<ToleranceRule>& rules,
    const std::vector<std::string>& allow_missing) {
  std::vector<std::string> remarks;
  const auto& checkpoints = ref.checkpoints();
  for (const auto& rule : rules) {
    if (std::none_of(checkpoints.begin(), checkpoints.end(), [&](const Checkpoint& checkpoint) {
          return is_match(rule, checkpoint.name);
        })) {
      remarks.push_back(
          fmt::format("{}: the rule matches no checkpoint of the reference", rule.origin));
    }
  }
  for (const auto& glob : allow_missing) {
    if (std::none_of(checkpoints.begin(), checkpoints.end(), [&](const Checkpoint& checkpoint) {
          return allows(glob, checkpoint);
        })) {
      remarks.push_back(
          fmt::format("--allow-missing {} matches no checkpoint of the reference", glob));
    }
  }
  return remarks;
}

void measure_and_judge(
    Comparison& result, const std::vector<ToleranceRule>& rules, const CompareOptions& options) {
  for (auto& row : result.rows) {
    if (row.port) {
      measure_row(row, result.ref, result.port, rules, options.threads);
    }
  }
  refuse_nothing(result);
  if (result.ref32) {
    append(
        result.remarks,
        measure_against(*result.ref32, result.ref, result.port, result.rows, options.threads));
  }
  const auto precision = precision_of(result.rows);
  for (auto& row : result.rows) {
    judge_row(row, rules, precision, options.max_ratio);
  }
  result.precision = describe(precision, result.rows);
}

/// Of ids and scalars the values say most.
void note_differences(Comparison& result) {
  for (auto& row : result.rows) {
    const bool is_short = row.metrics && (must_be_equal(row) || row.metrics->count == 1);
    if (is_short && is_failing(row.verdict) && !is_complex(row.ref->dtype)) {
      row.notes.push_back(
          describe_differences(load_pair(result.ref, result.port, row), row.metrics->unequal));
    }
  }
}

} // namespace

Verdict worst_of(const std::vector<Row>& rows) {
  Verdict worst = Verdict::pass;
  for (const auto& row : rows) {
    if (!row.allowed_missing) {
      worst = std::max(worst, row.verdict);
    }
  }
  return worst == Verdict::inherited ? Verdict::fail : worst;
}

Comparison compare(const CompareOptions& options) {
  const Places places = locate(options);
  const auto rules = rules_of(places);
  Comparison result;
  result.ref = with_context("reference", [&] { return Dump::open(places.ref); });
  result.port = with_context("port", [&] { return Dump::open(places.port); });
  if (places.ref32) {
    result.ref32 = with_context("ref32", [&] { return Dump::open(*places.ref32); });
    append(result.remarks, result.ref32->remarks());
  }
  auto matching = match_dumps(result.ref, result.port, places.map);
  guess_by_values(result.ref, result.port, matching);
  result.guesses = renames_of_guesses(result.ref, result.port, matching);
  append(result.remarks, result.ref.remarks());
  append(result.remarks, result.port.remarks());
  append(result.remarks, matching.remarks);
  if (!result.guesses.empty()) {
    result.remarks.push_back(fmt::format(
        "{} checkpoints were matched by their values alone: a guess, which counts; rules for "
        "map.toml make it firm",
        std::count_if(matching.pairs.begin(), matching.pairs.end(), [](const Match& match) {
          return match.by == MatchedBy::guess;
        })));
  }
  append(result.remarks, idle_globs(result.ref, rules, options.allow_missing));
  list_differences(result.ref.run(), result.port.run(), "", result.run_facts);
  for (const size_t i : matching.extra) {
    result.extra.push_back(&result.port.checkpoints()[i]);
  }
  result.rows = make_rows(result.ref, result.port, matching, options.allow_missing);
  measure_and_judge(result, rules, options);
  result.order = put_in_order(result.rows, result.ref);
  result.first_divergence = find_divergence(result.rows, result.ref.order() == OrderSource::none);
  result.verdict = worst_of(result.rows);
  note_differences(result);
  result.findings = find_mistakes(result);
  return result;
}

} // namespace mflux::parity
