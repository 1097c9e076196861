#include "mflux/parity/output/diagnosis_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "mflux/base/error.h"
#include "mflux/base/text_table.h"
#include "mflux/parity/diagnose/catalogue.h"
#include "mflux/parity/output/evidence_json.h"
#include "mflux/parity/output/result_json.h"
#include "mflux/parity/output/table.h"

namespace mflux::parity {
namespace {

std::string number(double value) {
  return value == 0 ? "0" : std::isfinite(value) ? fmt::format("{:.1e}", value) : "other shape";
}

/// One word of a shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : printable(text)) {
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out + "'";
}

/// The same, without quotes where a path needs none.
std::string word_of(const std::string& text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view("/._-+@=:,%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  return is_plain && !text.empty() ? text : quoted(text);
}

/// A run, or the two dumps, as the commands take them.
std::string places_of(const Comparison& comparison) {
  const auto &ref = comparison.ref.path(), &port = comparison.port.path();
  const bool is_run = ref.filename() == "ref" && port.filename() == "mlx" &&
                      ref.parent_path() == port.parent_path() && ref.has_parent_path();
  return is_run ? word_of(ref.parent_path().string())
                : fmt::format("{} {}", word_of(ref.string()), word_of(port.string()));
}

std::string format_divergence(const Comparison& comparison, bool coloured) {
  const Divergence& divergence = *comparison.first_divergence;
  std::string text = fmt::format(
      "First divergence: {}",
      painted(printable(comparison.rows[divergence.row].ref->text), Colour::bold, coloured));
  text +=
      divergence.between.empty()
          ? fmt::format(", in {}", printable(divergence.owner))
          : fmt::format(
                ", in {} between {}", printable(divergence.owner), printable(divergence.between));
  return fmt::format("{}\n  {}\n", text, divergence.why);
}

std::string format_cause(const Comparison& comparison, const Cause& cause, bool coloured) {
  const CauseKind& kind = catalogue()[rank_of(cause.id)];
  const std::string name = printable(comparison.rows[cause.row].ref->text);
  std::string text = fmt::format(
      "{}  {}, {:.0f} % sure\n  at      {}\n",
      painted(cause.id, Colour::red, coloured),
      kind.meaning,
      100 * cause.confidence,
      name);
  if (!cause.others.empty()) {
    text += fmt::format("  also    {}", printable(cause.others.front()));
    text += cause.others.size() > 1 ? fmt::format(" and {} more\n", cause.others.size() - 1) : "\n";
  }
  text += fmt::format("  proof   rel_l2 {} → {}", number(cause.before), number(cause.after));
  text += cause.detail.empty() ? "\n" : fmt::format(": {}\n", printable(cause.detail));
  if (!cause.transform.empty()) {
    text += fmt::format("  try     {}\n", try_command(comparison, cause));
  }
  text += fmt::format("  fix     {}\n", kind.fix);
  if (!kind.wrong.empty()) {
    text += fmt::format("  wrong   {}\n", kind.wrong);
  }
  return text + "\n";
}

std::string format_open(const Diagnosis& diagnosis) {
  std::string text = "No cause is proven, so none is named.\n";
  for (const auto& ruled : diagnosis.ruled_out) {
    text += fmt::format(
        "  ruled out  {}: rel_l2 {} → {}\n", ruled.id, number(ruled.before), number(ruled.after));
  }
  for (const auto& next : diagnosis.next) {
    text += fmt::format("  next       {}\n", printable(next));
  }
  return text + "\n";
}

} // namespace

std::string format_diagnosis(
    const Comparison& comparison, const Diagnosis& diagnosis, bool coloured) {
  std::string text;
  for (const auto& fact : comparison.run_facts) {
    text += fmt::format("The runs differ: {}\n", printable(fact));
  }
  if (comparison.first_divergence) {
    text += format_divergence(comparison, coloured) + "\n";
  }
  for (const auto& cause : diagnosis.causes) {
    text += format_cause(comparison, cause, coloured);
  }
  if (diagnosis.causes.empty() && comparison.first_divergence) {
    text += format_open(diagnosis);
  }
  for (const auto& finding : comparison.findings) {
    text += fmt::format("{}\n", printable(finding.text));
  }
  return text + format_verdict(comparison, coloured);
}

Json causes_json(const Comparison& comparison, const Diagnosis& diagnosis) {
  Json out = Json::array();
  for (const auto& cause : diagnosis.causes) {
    const Checkpoint& at = *comparison.rows[cause.row].ref;
    const CauseKind& kind = catalogue()[rank_of(cause.id)];
    out.push_back(
        {{"id", cause.id},
         {"name", without_step(at.name)},
         {"step", at.name.step ? Json(*at.name.step) : Json(nullptr)},
         {"confidence", cause.confidence},
         {"before", number_or_null(cause.before)},
         {"after", number_or_null(cause.after)},
         {"transform", cause.transform},
         {"detail", cause.detail},
         {"meaning", kind.meaning},
         {"fix", kind.fix},
         {"wrong", kind.wrong},
         {"others", cause.others},
         {"evidence", evidence_json(cause.evidence)}});
  }
  return out;
}

Json ruled_out_json(const Diagnosis& diagnosis) {
  Json out = Json::array();
  for (const auto& ruled : diagnosis.ruled_out) {
    out.push_back(
        {{"id", ruled.id},
         {"before", number_or_null(ruled.before)},
         {"after", number_or_null(ruled.after)}});
  }
  return out;
}

std::string try_command(const Comparison& comparison, const Cause& cause) {
  if (cause.transform.empty()) {
    return {};
  }
  return fmt::format(
      "mflux parity try {} {} {}",
      places_of(comparison),
      quoted(comparison.rows[cause.row].ref->text),
      quoted(cause.transform));
}

std::string to_json(const Comparison& comparison, const Diagnosis& diagnosis) {
  Json out = json_of(comparison);
  out["causes"] = causes_json(comparison, diagnosis);
  out["ruled_out"] = ruled_out_json(diagnosis);
  out["next"] = diagnosis.next;
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace mflux::parity
