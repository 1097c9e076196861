#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/error.h"
#include "mflux/base/utf8.h"
#include "mflux/parity/diagnose/catalogue.h"
#include "mflux/parity/report/report.h"

namespace mflux::parity {
namespace {

/// Text as an attribute or content of XML 1.0, which cannot hold every character at all.
std::string escaped(const std::string& text) {
  std::string out;
  const std::string clean = printable(text);
  for (size_t i = 0; i < clean.size();) {
    const size_t size = utf8_character(std::string_view(clean).substr(i));
    const std::string character = clean.substr(i, size);
    const char32_t code = utf8_code(character);
    i += size;
    switch (code) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case 0xfffe:
      case 0xffff:
        out += fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
        break;
      default:
        out += character;
    }
  }
  return out;
}

enum class Outcome { passed, failed, skipped };

Outcome outcome_of(const Row& row) {
  if (row.verdict == Verdict::pass) {
    return Outcome::passed;
  }
  return row.allowed_missing || row.verdict == Verdict::inherited ? Outcome::skipped
                                                                  : Outcome::failed;
}

std::string rule_of(const Row& row) {
  return row.tolerance
             ? fmt::format(
                   "atol {:g} rtol {:g}, {}", row.tolerance->atol, row.tolerance->rtol, row.rule)
             : row.rule;
}

std::string numbers_of(const Row& row) {
  std::string text = fmt::format("shape {}\n", artifacts::to_string(row.ref_shape));
  if (row.metrics) {
    const Metrics& m = *row.metrics;
    text += fmt::format(
        "rel_l2 {:.4g}, max_abs {:.4g}, mean_abs {:.4g}, max_rel {:.4g}, cosine {:.6f}\n"
        "worst at flat index {}: {:.9g} in the reference, {:.9g} in the port\n",
        m.rel_l2,
        m.max_abs,
        m.mean_abs,
        m.max_rel,
        m.cosine,
        m.worst.index,
        m.worst.ref,
        m.worst.port);
  }
  if (row.ratio) {
    text += fmt::format("{:.3g} times the reference's own error against ref32\n", *row.ratio);
  }
  if (row.input_error && row.gain) {
    text += fmt::format("error of its inputs {:.4g}, gain {:.3g}\n", *row.input_error, *row.gain);
  }
  for (const auto& note : row.notes) {
    text += printable(note) + "\n";
  }
  return text;
}

/// Lines stay lines.
std::string escaped_lines(const std::string& text) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    out += escaped(text.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return out;
}

/// The causes that were proven at a row, a line or two each.
std::string causes_of(const Diagnosis* diagnosis, size_t row) {
  std::string text;
  for (const auto& cause : diagnosis ? diagnosis->causes : std::vector<Cause>{}) {
    if (cause.row == row) {
      const CauseKind& kind = catalogue()[rank_of(cause.id)];
      text += fmt::format(
          "cause {}: {}, {:.0f} % sure, rel_l2 {:.2g} -> {:.2g} {}\nfix: {}\n",
          cause.id,
          kind.meaning,
          100 * cause.confidence,
          cause.before,
          cause.after,
          cause.detail,
          kind.fix);
    }
  }
  return text;
}

std::string test_case(const Row& row, const std::string& causes) {
  const std::string head = fmt::format(
      "    <testcase classname=\"{}\" name=\"{}\" time=\"0\"",
      escaped(component_of(row.ref->name)),
      escaped(row.ref->text));
  const std::string message = escaped(fmt::format("{}: {}", name_of(row.verdict), rule_of(row)));
  switch (outcome_of(row)) {
    case Outcome::passed:
      return head + "/>\n";
    case Outcome::skipped:
      return fmt::format("{}>\n      <skipped message=\"{}\"/>\n    </testcase>\n", head, message);
    case Outcome::failed:
      break;
  }
  return fmt::format(
      "{}>\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>\n",
      head,
      name_of(row.verdict),
      message,
      escaped_lines(causes + numbers_of(row)));
}

} // namespace

std::string report_junit(const Comparison& comparison, const Diagnosis* diagnosis) {
  size_t failed = 0, skipped = 0;
  std::string cases;
  for (size_t r = 0; r < comparison.rows.size(); ++r) {
    const Row& row = comparison.rows[r];
    failed += outcome_of(row) == Outcome::failed;
    skipped += outcome_of(row) == Outcome::skipped;
    cases += test_case(row, causes_of(diagnosis, r));
  }
  const std::string counts = fmt::format(
      "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"0\"",
      comparison.rows.size(),
      failed,
      skipped);
  const std::string name =
      fmt::format("{} against {}", comparison.port.path().string(), comparison.ref.path().string());
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites {}>\n  <testsuite name=\"{}\" {}>\n{}  </testsuite>\n</testsuites>\n",
      counts,
      escaped(name),
      counts,
      cases);
}

} // namespace mflux::parity
