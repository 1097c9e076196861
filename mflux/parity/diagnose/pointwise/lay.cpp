#include "mflux/parity/diagnose/pointwise/lay.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace mflux::parity {

Lay lay_of(const artifacts::Shape& shape, int64_t axis) {
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t place = axis < 0 ? axis + rank : axis;
  Lay lay;
  for (int64_t a = 0; a < rank; ++a) {
    (a < place ? lay.outer : a == place ? lay.n : lay.inner) *= shape[static_cast<size_t>(a)];
  }
  return lay;
}

Cells::Cells(const artifacts::Shape& shape, const std::vector<int64_t>& axes) {
  for (const int64_t axis : axes) {
    parts_.push_back(lay_of(shape, axis));
    count_ *= parts_.back().n;
  }
}

void Line::add(double a, double b) {
  n += 1;
  x += a;
  y += b;
  xx += a * a;
  xy += a * b;
  yy += b * b;
}

double Line::slope() const {
  const double spread = n > 0 ? xx - x * x / n : 0;
  return spread > 1e-14 * xx ? (xy - x * y / n) / spread : 1;
}

double residual_on(const Case& at, const Field& field, const Half& fit) {
  double left = 0, norm = 0;
  for (int64_t i = 0; i < at.port.count(); ++i) {
    if (fit.holds(i)) {
      const auto k = static_cast<size_t>(i);
      const double d = at.port.values[k] - field.values[k];
      left += d * d;
      norm += field.values[k] * field.values[k];
    }
  }
  const double value = norm > 0 ? std::sqrt(left / norm) : left == 0 ? 0 : HUGE_VAL;
  return std::isfinite(value) ? value : HUGE_VAL;
}

bool is_tight(const Case& at, const Field& field, const Half& fit) {
  return residual_on(at, field, fit) <= std::max(3 * at.floor(), 1e-4 * at.before());
}

int64_t distinct(const Field& field, int64_t most) {
  std::set<double> seen;
  for (const double value : field.values) {
    seen.insert(value);
    if (static_cast<int64_t>(seen.size()) >= most) {
      break;
    }
  }
  return static_cast<int64_t>(seen.size());
}

} // namespace mflux::parity
