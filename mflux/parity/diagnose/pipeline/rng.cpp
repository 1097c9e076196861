#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/pipeline/families.h"
#include "mflux/parity/diagnose/pipeline/loop_roles.h"

namespace mflux::parity {
namespace {

constexpr int64_t kFewest = 64;

/// Standard errors within which two draws of one distribution agree.
constexpr double kErrors = 4;

struct Moments {
  double mean = 0, deviation = 0, kurtosis = 0;
};

Moments moments_of(const Field& field) {
  const auto n = static_cast<double>(field.count());
  Moments out;
  for (const double value : field.values) {
    out.mean += value / n;
  }
  double fourth = 0;
  for (const double value : field.values) {
    const double square = (value - out.mean) * (value - out.mean);
    out.deviation += square / n;
    fourth += square * square / n;
  }
  out.kurtosis = out.deviation > 0 ? fourth / (out.deviation * out.deviation) : 0;
  out.deviation = std::sqrt(out.deviation);
  return out;
}

bool is_normal(const Moments& moments, double n) {
  return moments.deviation > 0 &&
         std::abs(moments.mean) <= kErrors * moments.deviation / std::sqrt(n) &&
         std::abs(moments.kurtosis - 3) <= kErrors * std::sqrt(24 / n) + 0.05;
}

/// The same numbers in another order are no other numbers.
bool is_reordered(const Case& at) {
  auto ref = at.ref.values, port = at.port.values;
  std::sort(ref.begin(), ref.end());
  std::sort(port.begin(), port.end());
  double apart = 0, whole = 0;
  for (size_t i = 0; i < ref.size(); ++i) {
    apart += (ref[i] - port[i]) * (ref[i] - port[i]);
    whole += ref[i] * ref[i];
  }
  return apart <= whole * std::pow(std::max(1e-4, at.floor()), 2);
}

/// Whether the model was asked before this was dumped: steps may be counted from 0.
bool comes_after_prediction(const Case& at) {
  const LoopRows loop(at.scene);
  for (const LoopRole role : {LoopRole::prediction, LoopRole::cond, LoopRole::uncond}) {
    const auto rows = loop.all(role);
    if (!rows.empty() && rows.front() < at.row) {
      return true;
    }
  }
  return false;
}

/// Noise that a run starts from: initial latents, or what a component is fed with.
bool is_start(const Case& at) {
  const LoopName name = loop_name_of(at.name());
  if (name.role == LoopRole::latents && name.step.value_or(1) == 0) {
    return true;
  }
  const std::string& path = at.name().path;
  const bool is_noise = path.find("noise") != std::string::npos && name.role == LoopRole::latents;
  const auto sources = at.scene.sources().of(at.row);
  const bool is_root_input = at.name().role == Role::in && path.find('.') == std::string::npos;
  return is_noise || (is_root_input && sources && sources->empty());
}

} // namespace

void propose_other_numbers(const Case& at, Proposals& proposals) {
  const auto n = static_cast<double>(at.ref.count());
  if (!at.is_first || !at.same_shape || at.ref.count() < kFewest || must_be_equal(at.at()) ||
      !is_start(at) || comes_after_prediction(at)) {
    return;
  }
  const Moments ref = moments_of(at.ref), port = moments_of(at.port);
  const double one = ref.deviation / std::sqrt(n);
  const bool is_alike = is_normal(ref, n) && is_normal(port, n) &&
                        std::abs(ref.deviation - port.deviation) <= kErrors * one;
  const double cos = cosine(at.ref, at.port);
  if (is_alike && std::abs(cos) < kErrors / std::sqrt(n) && !is_reordered(at)) {
    proposals.state(
        {"rng.mismatch",
         fmt::format(
             "both are normal numbers of deviation {:.4g} and {:.4g}, and have nothing in common: "
             "cosine {:.1e} over {} values",
             ref.deviation,
             port.deviation,
             cos,
             at.ref.count()),
         0.95});
  }
}

} // namespace mflux::parity
