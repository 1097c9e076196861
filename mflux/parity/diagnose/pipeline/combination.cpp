#include "mflux/parity/diagnose/pipeline/combination.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mflux::parity {
namespace {

constexpr size_t kMostTerms = 4;

/// What is left of a term beside those before it; below, it is a combination of them.
constexpr double kLeastOwn = 1e-9;

/// Rounded terms bias the factors, however many elements there are.
constexpr double kStandardErrors = 5, kLeastShare = 0.3;

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
struct Solved {
  std::vector<double> factors, own; ///< `own`: norms of what each term does not share with others
};

std::optional<Solved> solve(Matrix m, size_t n) {
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
  std::vector<double> out(n), own(n);
  for (size_t a = n; a-- > 0;) {
    double rest = m[a][kMostTerms];
    for (size_t b = a + 1; b < n; ++b) {
      rest -= m[a][b] * out[b];
    }
    out[a] = rest / m[a][a];
    own[a] = std::sqrt(m[a][a]);
  }
  return Solved{std::move(out), std::move(own)};
}

struct Left {
  double rest = 0, whole = 0; ///< squares
};

Left left_of(
    const Terms& terms, const std::vector<double>& factors, const Field& target, const Half& fit) {
  Left left;
  for (int64_t i = 0; i < target.count(); ++i) {
    if (!fit.holds(i)) {
      continue;
    }
    const auto k = static_cast<size_t>(i);
    double rest = target.values[k];
    left.whole += rest * rest;
    for (size_t a = 0; a < terms.size(); ++a) {
      rest -= factors[a] * terms[a]->values[k];
    }
    left.rest += rest * rest;
  }
  return left;
}

} // namespace

std::optional<Combination> combine(const Terms& terms, const Field& target, const Half& fit) {
  const bool fits = std::all_of(terms.begin(), terms.end(), [&](const Field* term) {
    return term->count() == target.count();
  });
  if (!fits || terms.empty() || terms.size() > kMostTerms) {
    return std::nullopt;
  }
  auto solved = solve(products_of(terms, target, fit), terms.size());
  if (!solved) {
    return std::nullopt;
  }
  const Left left = left_of(terms, solved->factors, target, fit);
  Combination out;
  out.left = left.whole > 0 ? std::sqrt(left.rest / left.whole) : 0;
  const double share =
      std::max(kLeastShare, kStandardErrors / std::sqrt(static_cast<double>(target.count())));
  for (const double own : solved->own) {
    out.errors.push_back(share * std::sqrt(left.rest) / own);
  }
  out.factors = std::move(solved->factors);
  return out;
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
