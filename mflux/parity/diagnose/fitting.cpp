#include "mflux/parity/diagnose/fitting.h"

namespace mflux::parity {

double error_over(const Case& at, const Field& predicted, const Half& fit) {
  double left = 0;
  for (int64_t i = 0; i < at.port.count(); ++i) {
    const auto k = static_cast<size_t>(i);
    const double d = fit.holds(i) ? at.port.values[k] - predicted.values[k] : 0;
    left += d * d;
  }
  return left;
}

} // namespace mflux::parity
