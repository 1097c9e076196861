#include "support/metrics_json.h"

#include <fmt/format.h>

#include <cmath>

namespace mflux::testing {
namespace {

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value));
}

Json numbers(std::span<const double> values) {
  Json out = Json::array();
  for (const double value : values) {
    out.push_back(number(value));
  }
  return out;
}

Json counts(const parity::NonFinite& nonfinite) {
  return {nonfinite.nan, nonfinite.positive_inf, nonfinite.negative_inf};
}

} // namespace

Json to_json(const parity::Metrics& m) {
  return {
      {"count", m.count},
      {"ref_nonfinite", counts(m.ref_nonfinite)},
      {"port_nonfinite", counts(m.port_nonfinite)},
      {"nonfinite_mismatch", m.nonfinite_mismatch},
      {"unequal", m.unequal},
      {"max_abs", number(m.max_abs)},
      {"worst", {m.worst.index, number(m.worst.ref), number(m.worst.port)}},
      {"mean_abs", number(m.mean_abs)},
      {"rms", number(m.rms)},
      {"max_rel", number(m.max_rel)},
      {"rel_floor", number(m.rel_floor)},
      {"rel_l2", number(m.rel_l2)},
      {"peak_rel", number(m.peak_rel)},
      {"cosine", number(m.cosine)},
      {"centred_cosine", number(m.centred_cosine)},
      {"slope", number(m.slope)},
      {"intercept", number(m.intercept)},
      {"error_balance", number(m.error_balance)},
      {"ref_rms", number(m.ref_rms)},
      {"ref_max", number(m.ref_max)},
      {"ref_mean", number(m.ref_mean)},
      {"port_mean", number(m.port_mean)},
      {"passing_tolerance", number(m.passing_tolerance)},
      {"mask_like", m.mask_like},
      {"outside", m.outside},
      {"ulp_histogram", m.ulp_histogram},
      {"error_percentiles", numbers(m.error_percentiles)},
      {"ref_effective", artifacts::name_of(m.ref_effective)},
      {"port_effective", artifacts::name_of(m.port_effective)},
      {"ref_hash", fmt::format("{:016x}", m.ref_hash)},
      {"port_hash", fmt::format("{:016x}", m.port_hash)},
  };
}

Json to_json(const parity::Summary& s) {
  return {
      {"count", s.count},
      {"nonfinite", counts(s.nonfinite)},
      {"min", number(s.min)},
      {"max", number(s.max)},
      {"mean", number(s.mean)},
      {"rms", number(s.rms)},
      {"effective", artifacts::name_of(s.effective)},
      {"hash", fmt::format("{:016x}", s.hash)},
  };
}

} // namespace mflux::testing
