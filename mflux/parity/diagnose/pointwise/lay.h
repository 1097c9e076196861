#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mflux/parity/diagnose/hypothesis.h"

namespace mflux::parity {

/// A shape seen from one axis: element i lies at (i / inner) % n along it.
struct Lay {
  int64_t outer = 1, n = 1, inner = 1;

  int64_t at(int64_t i) const {
    return i / inner % n;
  }
};

/// `axis` may count from the end.
Lay lay_of(const artifacts::Shape& shape, int64_t axis);

/// Which parameter each element of a shape belongs to when there is one for every place along the
/// given axes: a vector per channel, per sample and channel, per row. Empty axes: one for all.
class Cells {
 public:
  Cells(const artifacts::Shape& shape, const std::vector<int64_t>& axes);

  int64_t count() const {
    return count_;
  }

  int64_t of(int64_t i) const {
    int64_t cell = 0;
    for (const auto& part : parts_) {
      cell = cell * part.n + part.at(i);
    }
    return cell;
  }

 private:
  std::vector<Lay> parts_;
  int64_t count_ = 1;
};

/// y ≈ slope·x + offset over pairs, summed up one by one.
struct Line {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;

  void add(double a, double b);

  /// y ≈ k·x.
  double scale() const {
    return xx > 0 ? xy / xx : 1;
  }

  /// 1 where all x are alike.
  double slope() const;
  double offset() const {
    return n > 0 ? (y - slope() * x) / n : 0;
  }
};

/// ‖port − field‖ / ‖field‖ over the elements of `fit`; infinite where nothing is left.
double residual_on(const Case& at, const Field& field, const Half& fit);

/// Whether the elements of `fit` are explained to the noise floor, or to a ten-thousandth of the
/// error: what a hypothesis asks of itself whose parameters could follow almost anything.
bool is_tight(const Case& at, const Field& field, const Half& fit);

/// How many different values there are, counted up to `most`.
int64_t distinct(const Field& field, int64_t most);

} // namespace mflux::parity
