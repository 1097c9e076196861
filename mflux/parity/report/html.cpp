#include <algorithm>
#include <cmath>

#include "mflux/parity/metrics/chunks.h"
#include "mflux/parity/output/diagnosis_output.h"
#include "mflux/parity/output/result_json.h"
#include "mflux/parity/report/page.h"
#include "mflux/parity/report/page_json.h"
#include "mflux/parity/report/picture.h"
#include "mflux/parity/report/report.h"
#include "mflux/parity/report/run_json.h"

namespace mflux::parity {
namespace {

/// Bytes of all heat maps together, about: with many checkpoints their maps get coarser.
constexpr double kHeatBytes = 1.5e6;
constexpr int kFinest = 48, kCoarsest = 12;

/// Failing checkpoints shown in full; the rest of them as the others.
constexpr size_t kInFull = 50;

/// Larger pairs are read one at a time: an inflated archive member takes its memory.
constexpr size_t kLargePair = size_t{64} << 20;

bool differs(const Row& row) {
  return row.metrics && row.metrics->unequal > 0;
}

std::vector<DetailOptions> plan(const Comparison& comparison) {
  const auto differing = std::count_if(comparison.rows.begin(), comparison.rows.end(), differs);
  const double side =
      std::sqrt(kHeatBytes / (2.0 * static_cast<double>(std::max<int64_t>(differing, 1))));
  const int cells = std::clamp(static_cast<int>(side), kCoarsest, kFinest);
  std::vector<DetailOptions> options(comparison.rows.size(), {cells, false});
  size_t in_full = 0;
  for (size_t r = 0; r < options.size() && in_full < kInFull; ++r) {
    const Verdict verdict = comparison.rows[r].verdict;
    if (is_failing(verdict) && verdict != Verdict::inherited) {
      options[r] = {kFinest, true};
      ++in_full;
    }
  }
  return options;
}

std::string detail_line(
    const Comparison& comparison, const Row& row, const DetailOptions& options) {
  Json out = for_page(row_json(row));
  if (row.metrics) {
    const auto pair = load_pair(comparison.ref, comparison.port, row);
    out.update(detail_json(detail_of(pair, *row.metrics, options)));
    if (const auto pictures = pictures_json(row, pair)) {
      out["pictures"] = *pictures;
    }
  }
  return script_text(out);
}

bool is_large(const Row& row) {
  return row.metrics &&
         static_cast<size_t>(row.metrics->count) * artifacts::size_of(row.ref->dtype) >
             kLargePair / 2;
}

/// One line of JSON per row.
std::string details_of(const Comparison& comparison, int threads) {
  const auto& rows = comparison.rows;
  const auto options = plan(comparison);
  std::vector<std::string> lines(rows.size());
  const auto write = [&](size_t r) { lines[r] = detail_line(comparison, rows[r], options[r]); };
  share_chunks(static_cast<int64_t>(rows.size()), threads, [&](const auto& take) {
    for (int64_t r = take(); r >= 0; r = take()) {
      if (!is_large(rows[static_cast<size_t>(r)])) {
        write(static_cast<size_t>(r));
      }
    }
  });
  for (size_t r = 0; r < rows.size(); ++r) {
    if (is_large(rows[r])) {
      write(r);
    }
  }
  std::string text;
  for (const auto& line : lines) {
    text += line + "\n";
  }
  return text;
}

/// What the page shows of a diagnosis; null where all is well.
Json diagnosis_json(const Comparison& comparison, const Diagnosis& diagnosis) {
  if (!comparison.first_divergence && diagnosis.causes.empty()) {
    return nullptr;
  }
  Json causes = causes_json(comparison, diagnosis);
  for (size_t i = 0; i < causes.size(); ++i) {
    const Cause& cause = diagnosis.causes[i];
    causes[i]["row"] = cause.row;
    causes[i]["floor"] = noise_floor(comparison.rows[cause.row]);
    causes[i]["try"] = try_command(comparison, cause);
  }
  return {{"causes", causes}, {"ruled_out", ruled_out_json(diagnosis)}, {"next", diagnosis.next}};
}

} // namespace

std::string report_html(const Comparison& comparison, const ReportOptions& options) {
  Json run = run_json(comparison);
  run["version"] = options.version;
  run["diagnosis"] =
      options.diagnosis ? diagnosis_json(comparison, *options.diagnosis) : Json(nullptr);
  return make_page(script_text(for_page(run)), details_of(comparison, options.threads));
}

} // namespace mflux::parity
