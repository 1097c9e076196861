#include "mflux/parity/images/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "mflux/artifacts/picture.h"
#include "mflux/parity/three_way.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::PictureKind;

/// Levels rounded to float may be this much further apart than they are.
constexpr double kRounding = 1e-4;

bool has_levels(Dtype dtype) {
  return dtype == Dtype::uint8 || dtype == Dtype::uint16;
}

std::vector<ToleranceRule> for_pictures(const std::vector<ToleranceRule>& rules) {
  std::vector<ToleranceRule> kept;
  std::copy_if(rules.begin(), rules.end(), std::back_inserter(kept), [](const ToleranceRule& r) {
    return artifacts::has_picture_name(r.match);
  });
  return kept;
}

} // namespace

PictureDecision decide(
    const PictureMetrics& metrics, bool is_lossy, std::optional<double> most_levels) {
  if (is_lossy && !most_levels) {
    return {
        metrics.psnr >= kLeastJpegPsnr,
        fmt::format("PSNR {:.1f} dB of at least {:g} (JPEG)", metrics.psnr, kLeastJpegPsnr)};
  }
  const double most = most_levels.value_or(kMostLevels);
  return {
      metrics.max_levels <= most + kRounding,
      fmt::format("{:.4g} of 255 levels apart, at most {:g}", metrics.max_levels, most)};
}

ThreeWayDecision decide_against(
    const PictureMetrics& own, const PictureMetrics& port32, double max_ratio) {
  constexpr double kLeastOwnPsnr = 20;
  ThreeWayDecision out;
  out.ratio = std::pow(10, (own.psnr - port32.psnr) / 20);
  out.rule = fmt::format(
      "ratio {:.2g} of {:g} against ref32 (PSNR {:.1f} dB from the reference's picture, {:.1f} "
      "from "
      "the port's)",
      out.ratio,
      max_ratio,
      own.psnr,
      port32.psnr);
  out.verdict = own.psnr < kLeastOwnPsnr ? Verdict::inconclusive
                : out.ratio <= max_ratio ? Verdict::pass
                                         : Verdict::fail;
  return out;
}

bool is_picture(const Row& row) {
  const auto kind = [](const Checkpoint* side) { return side->picture != PictureKind::none; };
  return row.port && (kind(row.ref) || kind(row.port)) && has_levels(row.ref->dtype) &&
         has_levels(row.port->dtype);
}

void measure_picture(Row& row, const TensorPair& pair) {
  row.picture = measure_pictures(
      picture_of(pair.ref, FloatRange::unit), picture_of(pair.port, FloatRange::unit));
  row.notes.push_back(describe(*row.picture));
}

void judge_picture(Row& row, const std::vector<ToleranceRule>& rules, double max_ratio) {
  const auto own = for_pictures(rules);
  const auto* rule = rule_for(own, row.ref->name);
  const bool is_lossy =
      row.ref->picture == PictureKind::lossy || row.port->picture == PictureKind::lossy;
  const auto decision =
      decide(*row.picture, is_lossy, rule ? std::optional(rule->tolerance.atol) : std::nullopt);
  row.rule = decision.rule + (rule ? fmt::format(", {}", rule->origin) : "");
  row.verdict = decision.passes ? Verdict::pass : Verdict::fail;
  if (is_three_way(row) && row.ref->dtype == row.port->dtype) {
    row.notes.push_back(fmt::format(
        "{}; from ref32's picture the reference's is {:.1e} away, the port's {:.1e} (rel_l2)",
        decision.rule,
        *row.ref32_error,
        *row.port32_error));
    if (!decision.passes) {
      judge_three_way(row, rule && rule->max_ratio ? *rule->max_ratio : max_ratio);
    }
  }
}

} // namespace mflux::parity
