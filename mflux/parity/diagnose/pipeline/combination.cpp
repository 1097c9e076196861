#include "mflux/parity/diagnose/pipeline/combination.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mflux::parity {
namespace {

constexpr size_t kMostTerms = 4;

/// What is left of a term beside those before it; below, it is a combination of them.
constexpr double kLeastOwn = 1e-9;

using Matrix = std::array<std::array<double, kMostTerms + 1>, kMostTerms>;

/// Inner products of the terms with each other and, last, with the target.
Matrix products_of(const Terms& terms, const Field& target, const Half& fit) {
  Matrix m{};
  for (int64_t i = 0; i < target.count(); ++i) {
    if (!fit.holds(i)) {
      continue;
    }
    const auto k = static_cast<size_t>(i);
    for (size_t a = 0; a < terms.size(); ++a) {
      const double value = terms[a]->values[k];
      for (size_t b = a; b < terms.size(); ++b) {
        m[a][b] += value * terms[b]->values[k];
      }
      m[a][kMostTerms] += value * target.values[k];
    }
  }
  for (size_t a = 0; a < terms.size(); ++a) {
    for (size_t b = 0; b < a; ++b) {
      m[a][b] = m[b][a];
    }
  }
  return m;
}

/// Gauss without pivoting: the matrix is symmetric and positive.
std::optional<std::vector<double>> solve(Matrix m, size_t n) {
  for (size_t a = 0; a < n; ++a) {
    const double whole = m[a][a];
    for (size_t b = 0; b < a; ++b) {
      const double factor = m[a][b] / m[b][b];
      for (size_t c = b; c < n; ++c) {
        m[a][c] -= factor * m[b][c];
      }
      m[a][kMostTerms] -= factor * m[b][kMostTerms];
    }
    if (!(m[a][a] > kLeastOwn * whole)) {
      return std::nullopt;
    }
  }
  std::vector<double> out(n);
  for (size_t a = n; a-- > 0;) {
    double rest = m[a][kMostTerms];
    for (size_t b = a + 1; b < n; ++b) {
      rest -= m[a][b] * out[b];
    }
    out[a] = rest / m[a][a];
  }
  return out;
}

double left_of(
    const Terms& terms, const std::vector<double>& factors, const Field& target, const Half& fit) {
  double left = 0, whole = 0;
  for (int64_t i = 0; i < target.count(); ++i) {
    if (!fit.holds(i)) {
      continue;
    }
    const auto k = static_cast<size_t>(i);
    double rest = target.values[k];
    whole += rest * rest;
    for (size_t a = 0; a < terms.size(); ++a) {
      rest -= factors[a] * terms[a]->values[k];
    }
    left += rest * rest;
  }
  return whole > 0 ? std::sqrt(left / whole) : 0;
}

} // namespace

std::optional<Combination> combine(const Terms& terms, const Field& target, const Half& fit) {
  const bool fits = std::all_of(terms.begin(), terms.end(), [&](const Field* term) {
    return term->count() == target.count();
  });
  if (!fits || terms.empty() || terms.size() > kMostTerms) {
    return std::nullopt;
  }
  auto factors = solve(products_of(terms, target, fit), terms.size());
  if (!factors) {
    return std::nullopt;
  }
  const double left = left_of(terms, *factors, target, fit);
  return Combination{std::move(*factors), left};
}

Field sum_of(const Terms& terms, const std::vector<double>& factors) {
  Field out{terms.front()->shape, std::vector<double>(terms.front()->values.size(), 0.0)};
  for (size_t a = 0; a < terms.size(); ++a) {
    for (size_t i = 0; i < out.values.size(); ++i) {
      out.values[i] += factors[a] * terms[a]->values[i];
    }
  }
  return out;
}

} // namespace mflux::parity
