#include "mflux/parity/diagnose/pointwise/dropout.h"

#include <fmt/format.h>

#include <cmath>

#include "mflux/parity/diagnose/pointwise/lay.h"

namespace mflux::parity {
namespace {

bool is_dropped(const Case& at, size_t i) {
  return at.port.values[i] == 0 && at.ref.values[i] != 0;
}

/// The places of the zeros are the port's; every other value is predicted.
std::optional<Prediction> dropped(const Case& at, const Half& fit) {
  Line kept;
  double zeros = 0, all = 0;
  for (int64_t i = 0; i < at.ref.count(); ++i) {
    const auto k = static_cast<size_t>(i);
    if (at.ref.values[k] == 0) {
      continue;
    }
    all += 1;
    zeros += is_dropped(at, k) ? 1 : 0;
    if (fit.holds(i) && !is_dropped(at, k)) {
      kept.add(at.ref.values[k], at.port.values[k]);
    }
  }
  const double factor = kept.scale();
  const double p = factor > 0 ? 1 - 1 / factor : 0;
  const double share = zeros / all;
  // Whole channels may be dropped, so the share is only roughly p.
  if (p < 0.005 || std::abs(share - p) > 0.05 + 0.5 * p || share > 0.98) {
    return std::nullopt;
  }
  Prediction out{{at.port.shape, at.ref.values}, {}, {}};
  for (size_t i = 0; i < out.field.values.size(); ++i) {
    out.field.values[i] *= is_dropped(at, i) ? 0 : factor;
  }
  if (!is_tight(at, out.field, fit)) {
    return std::nullopt;
  }
  out.detail = fmt::format(
      "{:.3g} % of the port's values are 0, the others {:.6g} = 1/(1 - {:.3g}) times the "
      "reference's",
      100 * share,
      factor,
      p);
  return out;
}

} // namespace

void propose_dropout(const Case& at, Proposals& proposals) {
  if (!at.same_shape) {
    return;
  }
  int64_t zeros = 0;
  for (size_t i = 0; i < at.ref.values.size(); ++i) {
    zeros += is_dropped(at, i) ? 1 : 0;
  }
  if (zeros < 4 || zeros * 200 < at.ref.count()) {
    return;
  }
  proposals.add({"rng.dropout", [&at](const Half& fit) { return dropped(at, fit); }, true});
}

} // namespace mflux::parity
