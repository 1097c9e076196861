#include "mflux/parity/diagnose/layout/linear_fit.h"

#include <cmath>
#include <vector>

namespace mflux::parity {
namespace {

/// Rows of each half above the unknowns of one output.
constexpr int64_t kSpareRows = 4;

constexpr double kMostMultiplications = 4e9;

/// The lower triangle of the product of a matrix and its transpose, and what solves with it.
class Normal {
 public:
  explicit Normal(size_t n) : n_(n), sums_(n * n) {}

  void add(const std::vector<double>& row) {
    for (size_t i = 0; i < n_; ++i) {
      for (size_t j = 0; j <= i; ++j) {
        sums_[i * n_ + j] += row[i] * row[j];
      }
    }
  }

  /// Cholesky's factor in place; false when the rows do not span the space.
  bool factor() {
    double largest = 0;
    for (size_t i = 0; i < n_; ++i) {
      largest = std::max(largest, sums_[i * n_ + i]);
    }
    for (size_t j = 0; j < n_; ++j) {
      for (size_t i = j; i < n_; ++i) {
        double sum = sums_[i * n_ + j];
        for (size_t k = 0; k < j; ++k) {
          sum -= sums_[i * n_ + k] * sums_[j * n_ + k];
        }
        if (i == j) {
          if (!(sum > 1e-10 * largest)) {
            return false;
          }
          sums_[j * n_ + j] = std::sqrt(sum);
        } else {
          sums_[i * n_ + j] = sum / sums_[j * n_ + j];
        }
      }
    }
    return true;
  }

  void solve(std::vector<double>& b) const {
    for (size_t i = 0; i < n_; ++i) {
      for (size_t k = 0; k < i; ++k) {
        b[i] -= sums_[i * n_ + k] * b[k];
      }
      b[i] /= sums_[i * n_ + i];
    }
    for (size_t i = n_; i-- > 0;) {
      for (size_t k = i + 1; k < n_; ++k) {
        b[i] -= sums_[k * n_ + i] * b[k];
      }
      b[i] /= sums_[i * n_ + i];
    }
  }

 private:
  size_t n_;
  std::vector<double> sums_;
};

/// A row of x with a 1 behind it, for the bias.
std::vector<double> row_of(const Field& x, int64_t row) {
  const auto begin = x.values.begin() + row * x.width();
  std::vector<double> out(begin, begin + x.width());
  out.push_back(1);
  return out;
}

/// Predicts the rows of the other parity by those of `parity`.
bool fit_half(const Field& x, const Field& y, int64_t parity, Field& out) {
  const int64_t rows = x.count() / x.width(), width = y.width();
  const auto n = static_cast<size_t>(x.width() + 1);
  Normal normal(n);
  std::vector<std::vector<double>> right(static_cast<size_t>(width), std::vector<double>(n));
  for (int64_t row = parity; row < rows; row += 2) {
    const auto values = row_of(x, row);
    normal.add(values);
    for (int64_t o = 0; o < width; ++o) {
      const double target = y.values[static_cast<size_t>(row * width + o)];
      for (size_t k = 0; k < n; ++k) {
        right[static_cast<size_t>(o)][k] += values[k] * target;
      }
    }
  }
  if (!normal.factor()) {
    return false;
  }
  for (auto& weights : right) {
    normal.solve(weights);
  }
  for (int64_t row = 1 - parity; row < rows; row += 2) {
    const auto values = row_of(x, row);
    for (int64_t o = 0; o < width; ++o) {
      double sum = 0;
      for (size_t k = 0; k < n; ++k) {
        sum += values[k] * right[static_cast<size_t>(o)][k];
      }
      out.values[static_cast<size_t>(row * width + o)] = sum;
    }
  }
  return true;
}

} // namespace

std::optional<Field> fit_linear(const Field& x, const Field& y) {
  if (x.values.empty() || y.values.empty() || x.count() % x.width() != 0) {
    return std::nullopt;
  }
  const int64_t rows = x.count() / x.width();
  const auto in = static_cast<double>(x.width() + 1), out = static_cast<double>(y.width());
  const double cost = static_cast<double>(rows) * in * (in + 2 * out) + in * in * (in + out);
  if (y.count() / y.width() != rows || rows / 2 < x.width() + 1 + kSpareRows ||
      cost > kMostMultiplications) {
    return std::nullopt;
  }
  Field field = y;
  return fit_half(x, y, 0, field) && fit_half(x, y, 1, field) ? std::optional(std::move(field))
                                                              : std::nullopt;
}

} // namespace mflux::parity
