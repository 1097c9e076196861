#include "mflux/parity/output/result_json.h"

#include "mflux/base/json.h"
#include "mflux/parity/output/values.h"

namespace mflux::parity {
namespace {

std::string_view name_of(MatchedBy by) {
  switch (by) {
    case MatchedBy::exact:
      return "exact";
    case MatchedBy::map:
      return "map";
    case MatchedBy::normalised:
      return "normalised";
    case MatchedBy::guess:
      break;
  }
  return "guess";
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json nonfinite(const NonFinite& counts) {
  return {
      {"nan", counts.nan},
      {"positive_inf", counts.positive_inf},
      {"negative_inf", counts.negative_inf}};
}

/// Beyond those that stand at every checkpoint.
void add_metrics(Json& out, const Metrics& m) {
  out["count"] = m.count;
  out["unequal"] = m.unequal;
  out["rms"] = m.rms;
  out["rel_floor"] = m.rel_floor;
  out["peak_rel"] = m.peak_rel;
  out["cosine"] = m.cosine;
  out["centred_cosine"] = m.centred_cosine;
  out["slope"] = m.slope;
  out["intercept"] = m.intercept;
  out["error_balance"] = m.error_balance;
  out["passing_tolerance"] = m.passing_tolerance;
  out["ref_rms"] = m.ref_rms;
  out["ref_max"] = m.ref_max;
  out["ref_mean"] = m.ref_mean;
  out["port_mean"] = m.port_mean;
  out["worst"] = {{"index", m.worst.index}, {"ref", m.worst.ref}, {"port", m.worst.port}};
  out["ulp_histogram"] = m.ulp_histogram;
  out["error_percentiles"] = m.error_percentiles;
  out["ref_nonfinite"] = nonfinite(m.ref_nonfinite);
  out["port_nonfinite"] = nonfinite(m.port_nonfinite);
  out["nonfinite_mismatch"] = m.nonfinite_mismatch;
}

/// Elements outside the tolerance that decided; null where another rule did.
Json outside_of(const Row& row) {
  for (size_t i = 0; row.tolerance && i < row.candidates.size(); ++i) {
    if (row.candidates[i].atol == row.tolerance->atol &&
        row.candidates[i].rtol == row.tolerance->rtol) {
      return row.metrics->outside[i];
    }
  }
  return nullptr;
}

Json strip_json(const Strip& strip) {
  return {{"begin", strip.begin}, {"ref", strip.ref}, {"port", strip.port}};
}

Json divergence_json(const Comparison& comparison) {
  if (!comparison.first_divergence) {
    return nullptr;
  }
  const Divergence& divergence = *comparison.first_divergence;
  const Row& row = comparison.rows[divergence.row];
  const Strips strips = strips_of(comparison, row);
  return {
      {"name", without_step(row.ref->name)},
      {"step", or_null(row.ref->name.step)},
      {"owner", divergence.owner},
      {"between", divergence.between.empty() ? Json(nullptr) : Json(divergence.between)},
      {"why", divergence.why},
      {"error", or_null(error_of(row))},
      {"input_error", or_null(row.input_error)},
      {"gain", or_null(row.gain)},
      {"first_values", strip_json(strips.first)},
      {"worst_values", strip_json(strips.worst)}};
}

Json findings_json(const std::vector<Finding>& findings) {
  Json out = Json::array();
  for (const auto& finding : findings) {
    out.push_back({{"kind", finding.kind}, {"text", finding.text}, {"names", finding.names}});
  }
  return out;
}

} // namespace

Json row_json(const Row& row) {
  const auto metric = [&](double Metrics::*field) {
    return row.metrics ? Json(*row.metrics.*field) : Json(nullptr);
  };
  const auto dtype = [](artifacts::Dtype value) { return std::string(artifacts::name_of(value)); };
  Json out;
  out["name"] = without_step(row.ref->name);
  out["step"] = or_null(row.ref->name.step);
  out["verdict"] = name_of(row.verdict);
  out["shape"] = row.ref_shape;
  out["dtype"] = dtype(row.ref->dtype);
  out["effective_dtype"] = row.metrics ? Json(dtype(row.effective)) : Json(nullptr);
  out["max_abs"] = metric(&Metrics::max_abs);
  out["mean_abs"] = metric(&Metrics::mean_abs);
  out["max_rel"] = metric(&Metrics::max_rel);
  out["rel_l2"] = metric(&Metrics::rel_l2);
  out["atol"] = row.tolerance ? Json(row.tolerance->atol) : Json(nullptr);
  out["rtol"] = row.tolerance ? Json(row.tolerance->rtol) : Json(nullptr);
  out["rule"] = row.rule;
  out["outside"] = outside_of(row);
  out["ref32_error"] = or_null(row.ref32_error);
  out["port32_error"] = or_null(row.port32_error);
  out["ratio"] = or_null(row.ratio);
  out["input_error"] = or_null(row.input_error);
  out["gain"] = or_null(row.gain);
  out["class"] = row.ref->module_class.empty() ? Json(nullptr) : Json(row.ref->module_class);
  out["notes"] = row.notes;
  if (row.allowed_missing) {
    out["allowed_missing"] = true;
  }
  if (row.picture) {
    out["picture"] = to_json(*row.picture);
  }
  if (row.port) {
    out["port_name"] = row.port->text;
    out["matched_by"] = name_of(row.by);
    out["port_shape"] = row.port_shape;
    out["port_dtype"] = dtype(row.port->dtype);
  }
  if (row.metrics) {
    out["ref_effective_dtype"] = dtype(row.metrics->ref_effective);
    out["port_effective_dtype"] = dtype(row.metrics->port_effective);
    add_metrics(out, *row.metrics);
  }
  return out;
}

Json to_json(const PictureMetrics& m) {
  return {
      {"psnr", m.psnr},
      {"ssim", m.ssim},
      {"flip", m.flip},
      {"max_levels", m.max_levels},
      {"mean_levels", m.mean_levels}};
}

Json json_of(const Comparison& comparison) {
  Json out;
  out["schema"] = 1;
  out["verdict"] = name_of(comparison.verdict);
  out["ref"] = comparison.ref.path().string();
  out["port"] = comparison.port.path().string();
  out["ref32"] = comparison.ref32 ? Json(comparison.ref32->path().string()) : Json(nullptr);
  out["order"] = comparison.order;
  out["precision"] = comparison.precision;
  out["run_facts"] = comparison.run_facts;
  out["remarks"] = comparison.remarks;
  out["checkpoints"] = Json::array();
  for (const auto& row : comparison.rows) {
    out["checkpoints"].push_back(row_json(row));
  }
  out["only_in_port"] = Json::array();
  for (const auto* checkpoint : comparison.extra) {
    out["only_in_port"].push_back(checkpoint->text);
  }
  out["guesses"] = Json::array();
  for (const auto& rename : comparison.guesses) {
    out["guesses"].push_back({{"from", rename.from}, {"to", rename.to}});
  }
  out["first_divergence"] = divergence_json(comparison);
  out["causes"] = Json::array();
  out["findings"] = findings_json(comparison.findings);
  return out;
}

std::string to_json(const Comparison& comparison) {
  // Names may hold any bytes; numbers that are not finite become null.
  return json_of(comparison).dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace mflux::parity
