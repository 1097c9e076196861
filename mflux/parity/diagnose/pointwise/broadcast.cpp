#include "mflux/parity/diagnose/pointwise/broadcast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/pointwise/lay.h"

namespace mflux::parity {
namespace {

constexpr int64_t kLeastLength = 3;

/// Two axes of one length n, and the others that the vector has too.
struct Axes {
  int64_t i = 0, j = 0;
  std::vector<int64_t> others;

  Cells by(const artifacts::Shape& shape, int64_t axis) const {
    std::vector<int64_t> all = others;
    all.push_back(axis);
    return Cells(shape, all);
  }
};

/// Every pair of axes of one length, each with every choice of the other axes.
std::vector<Axes> axes_of(const artifacts::Shape& shape) {
  std::vector<Axes> out;
  const auto rank = static_cast<int64_t>(shape.size());
  for (int64_t i = 0; i < rank; ++i) {
    for (int64_t j = i + 1; j < rank; ++j) {
      if (shape[static_cast<size_t>(i)] != shape[static_cast<size_t>(j)] ||
          shape[static_cast<size_t>(i)] < 2) {
        continue;
      }
      std::vector<int64_t> free;
      for (int64_t a = 0; a < rank; ++a) {
        if (a != i && a != j && shape[static_cast<size_t>(a)] > 1) {
          free.push_back(a);
        }
      }
      for (uint32_t set = 0; set < (1u << free.size()); ++set) {
        Axes axes{i, j, {}};
        int64_t parameters = shape[static_cast<size_t>(i)];
        for (size_t k = 0; k < free.size(); ++k) {
          if ((set >> k & 1) != 0) {
            axes.others.push_back(free[k]);
            parameters *= shape[static_cast<size_t>(free[k])];
          }
        }
        if (artifacts::element_count(shape) >= 2 * kLeastLength * parameters) {
          out.push_back(std::move(axes));
        }
      }
    }
  }
  return out;
}

/// Fits g(i, j) = v_i − v_j to `target` where `weight` > 0: a few rounds of Gauss–Seidel, which
/// converge at once when every pair is there.
std::vector<double> differences_fit(
    const Case& at,
    const Axes& axes,
    const std::vector<double>& target,
    const std::vector<char>& is_used) {
  const Cells of_i = axes.by(at.port.shape, axes.i), of_j = axes.by(at.port.shape, axes.j);
  const auto n = static_cast<size_t>(of_i.count());
  std::vector<double> v(n, 0);
  constexpr int kRounds = 40;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> sum(n, 0), count(n, 0);
    for (size_t k = 0; k < target.size(); ++k) {
      const auto a = static_cast<size_t>(of_i.of(static_cast<int64_t>(k)));
      const auto b = static_cast<size_t>(of_j.of(static_cast<int64_t>(k)));
      if (is_used[k] == 0 || a == b) {
        continue;
      }
      sum[a] += target[k] + v[b];
      count[a] += 1;
      sum[b] += v[a] - target[k];
      count[b] += 1;
    }
    double moved = 0, size = 0;
    for (size_t c = 0; c < n; ++c) {
      const double next = count[c] > 0 ? 0.5 * v[c] + 0.5 * sum[c] / count[c] : 0;
      moved = std::max(moved, std::abs(next - v[c]));
      size = std::max(size, std::abs(next));
      v[c] = next;
    }
    if (moved <= 1e-9 * size) {
      break;
    }
  }
  return v;
}

std::string words(const Axes& axes, const char* what) {
  return fmt::format(
      "a vector is {} axis {} in one and axis {} in the other", what, axes.i, axes.j);
}

std::optional<Prediction> added(const Case& at, const Axes& axes, const Half& fit) {
  std::vector<double> target(at.port.values.size());
  std::vector<char> is_used(target.size());
  for (size_t k = 0; k < target.size(); ++k) {
    target[k] = at.port.values[k] - at.ref.values[k];
    is_used[k] = fit.holds(static_cast<int64_t>(k)) ? 1 : 0;
  }
  const auto v = differences_fit(at, axes, target, is_used);
  const Cells of_i = axes.by(at.port.shape, axes.i), of_j = axes.by(at.port.shape, axes.j);
  Prediction out{{at.port.shape, at.ref.values}, {}, words(axes, "added along")};
  for (int64_t k = 0; k < out.field.count(); ++k) {
    out.field.values[static_cast<size_t>(k)] +=
        v[static_cast<size_t>(of_i.of(k))] - v[static_cast<size_t>(of_j.of(k))];
  }
  return out;
}

/// The signs s with s_i·s_j = sign of most ratios between i and j.
std::vector<double> signs_fit(const Case& at, const Axes& axes, const std::vector<char>& is_used) {
  const Cells of_i = axes.by(at.port.shape, axes.i), of_j = axes.by(at.port.shape, axes.j);
  std::vector<double> sign(static_cast<size_t>(of_i.count()), 0);
  const int64_t length = lay_of(at.port.shape, axes.i).n;
  for (size_t c = 0; c < sign.size(); c += static_cast<size_t>(length)) {
    sign[c] = 1;
  }
  for (int round = 0; round < 3; ++round) {
    std::vector<double> vote(sign.size(), 0);
    for (size_t k = 0; k < is_used.size(); ++k) {
      const auto a = static_cast<size_t>(of_i.of(static_cast<int64_t>(k)));
      const auto b = static_cast<size_t>(of_j.of(static_cast<int64_t>(k)));
      if (is_used[k] != 0 && a != b) {
        const double same = at.port.values[k] * at.ref.values[k] > 0 ? 1 : -1;
        vote[a] += same * sign[b];
        vote[b] += same * sign[a];
      }
    }
    for (size_t c = 0; c < sign.size(); ++c) {
      sign[c] = vote[c] > 0 ? 1 : vote[c] < 0 ? -1 : sign[c];
    }
  }
  return sign;
}

std::optional<Prediction> multiplied(const Case& at, const Axes& axes, const Half& fit) {
  std::vector<double> target(at.port.values.size(), 0);
  std::vector<char> is_used(target.size(), 0);
  for (size_t k = 0; k < target.size(); ++k) {
    const double a = std::abs(at.ref.values[k]), b = std::abs(at.port.values[k]);
    if (fit.holds(static_cast<int64_t>(k)) && a > 0 && b > 0) {
      target[k] = std::log(b / a);
      is_used[k] = 1;
    }
  }
  const auto v = differences_fit(at, axes, target, is_used);
  const auto sign = signs_fit(at, axes, is_used);
  const Cells of_i = axes.by(at.port.shape, axes.i), of_j = axes.by(at.port.shape, axes.j);
  Prediction out{{at.port.shape, at.ref.values}, {}, words(axes, "multiplied along")};
  for (int64_t k = 0; k < out.field.count(); ++k) {
    const auto a = static_cast<size_t>(of_i.of(k)), b = static_cast<size_t>(of_j.of(k));
    const double factor = sign[a] * sign[b] * std::exp(std::clamp(v[a] - v[b], -60.0, 60.0));
    out.field.values[static_cast<size_t>(k)] *= factor;
  }
  if (!is_tight(at, out.field, fit)) {
    return std::nullopt;
  }
  return out;
}

/// Where both axes have the same index nothing differs.
bool diagonal_agrees(const Case& at, const Axes& axes) {
  const Lay i = lay_of(at.port.shape, axes.i), j = lay_of(at.port.shape, axes.j);
  double on = 0, n_on = 0, all = 0;
  for (int64_t k = 0; k < at.port.count(); ++k) {
    const auto at_k = static_cast<size_t>(k);
    const double d = std::pow(at.port.values[at_k] - at.ref.values[at_k], 2);
    all += d;
    if (i.at(k) == j.at(k)) {
      on += d;
      n_on += 1;
    }
  }
  const double mean = all / static_cast<double>(at.port.count());
  const double rounding = std::pow(at.floor(), 2) * all / std::pow(at.before(), 2) /
                          static_cast<double>(at.port.count());
  return on / n_on <= 0.01 * mean + 10 * rounding;
}

} // namespace

void propose_broadcast(const Case& at, Proposals& proposals) {
  if (!at.same_shape || at.before() < 20 * at.floor()) {
    return;
  }
  for (const Axes& axes : axes_of(at.port.shape)) {
    if (!diagonal_agrees(at, axes)) {
      continue;
    }
    proposals.add(
        {"broadcast.axis", [&at, axes](const Half& fit) { return added(at, axes, fit); }, true});
    proposals.add(
        {"broadcast.axis",
         [&at, axes](const Half& fit) { return multiplied(at, axes, fit); },
         true});
  }
}

} // namespace mflux::parity
