#include "mflux/parity/diagnose/pointwise/bias.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "mflux/parity/diagnose/pointwise/lay.h"

namespace mflux::parity {
namespace {

using Axes = std::vector<int64_t>;

/// The axes that channels may lie along: the last, axis 1 of images, heads and their elements.
std::vector<Axes> channel_axes(const artifacts::Shape& shape) {
  const auto rank = static_cast<int64_t>(shape.size());
  std::vector<Axes> out = {{rank - 1}};
  if (rank >= 3) {
    out.push_back({1});
  }
  if (rank == 4) {
    out.push_back({1, 3});
    out.push_back({2, 3});
  }
  return out;
}

struct Shift {
  std::vector<double> sum;
  std::vector<double> count;
};

Shift mean_difference(const Case& at, const Cells& cells, const Half& fit) {
  Shift out;
  out.sum.assign(static_cast<size_t>(cells.count()), 0);
  out.count = out.sum;
  for (int64_t i = 0; i < at.ref.count(); ++i) {
    if (fit.holds(i)) {
      const auto k = static_cast<size_t>(i);
      const auto c = static_cast<size_t>(cells.of(i));
      out.sum[c] += at.port.values[k] - at.ref.values[k];
      out.count[c] += 1;
    }
  }
  for (size_t c = 0; c < out.sum.size(); ++c) {
    out.sum[c] /= std::max(out.count[c], 1.0);
  }
  return out;
}

/// A quick look: the share of the difference that the means per channel leave.
double share_left(const Case& at, const Cells& cells) {
  const Shift shift = mean_difference(at, cells, Half::all());
  double left = 0, all = 0;
  for (int64_t i = 0; i < at.ref.count(); ++i) {
    const auto k = static_cast<size_t>(i);
    const double d = at.port.values[k] - at.ref.values[k];
    left += std::pow(d - shift.sum[static_cast<size_t>(cells.of(i))], 2);
    all += d * d;
  }
  return all > 0 ? std::sqrt(left / all) : 1;
}

/// Whether a vector over two axes of one length is v_i − v_j: no bias, but broadcast.axis.
bool is_exchanged(const Case& at, const Axes& axes, const Cells& cells) {
  if (axes.size() != 2 ||
      at.port.shape[static_cast<size_t>(axes[0])] != at.port.shape[static_cast<size_t>(axes[1])]) {
    return false;
  }
  const Shift shift = mean_difference(at, cells, Half::all());
  const auto n = static_cast<size_t>(at.port.shape[static_cast<size_t>(axes[0])]);
  double symmetric = 0, all = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      symmetric += std::pow(shift.sum[i * n + j] + shift.sum[j * n + i], 2) / 2;
      all += 2 * std::pow(shift.sum[i * n + j], 2);
    }
  }
  return symmetric < 0.01 * all;
}

Field shifted(const Case& at, const Cells& cells, const std::vector<double>& by, double times) {
  Field field{at.port.shape, at.ref.values};
  for (int64_t i = 0; i < field.count(); ++i) {
    field.values[static_cast<size_t>(i)] += times * by[static_cast<size_t>(cells.of(i))];
  }
  return field;
}

std::string places(const Axes& axes) {
  std::string text;
  for (const int64_t axis : axes) {
    text += fmt::format("{}{}", text.empty() ? "axis " : " and ", axis);
  }
  return text;
}

std::optional<Prediction> fitted(const Case& at, const Axes& axes, const Half& fit) {
  const Cells cells(at.port.shape, axes);
  const Shift shift = mean_difference(at, cells, fit);
  return Prediction{
      shifted(at, cells, shift.sum, 1),
      "",
      fmt::format(
          "the difference is one vector of {} values over {}", cells.count(), places(axes))};
}

/// Of few rows: each row's vector is the mean of the others' differences.
Prediction from_other_rows(const Case& at, const Axes& axes) {
  const Cells cells(at.port.shape, axes);
  const Shift shift = mean_difference(at, cells, Half::all());
  Prediction out = *fitted(at, axes, Half::all());
  for (int64_t i = 0; i < at.ref.count(); ++i) {
    const auto k = static_cast<size_t>(i), c = static_cast<size_t>(cells.of(i));
    const double own = at.port.values[k] - at.ref.values[k], rows = shift.count[c];
    out.field.values[k] = at.ref.values[k] + (rows * shift.sum[c] - own) / (rows - 1);
  }
  return out;
}

/// A dumped bias that is left out, added twice, or added where the reference's layer has none.
void propose_dumped(
    const Case& at,
    const std::string& name,
    const std::shared_ptr<const Field>& bias,
    Proposals& proposals) {
  for (const Axes& axes : channel_axes(at.port.shape)) {
    const Cells cells(at.port.shape, axes);
    if (cells.count() != bias->count()) {
      continue;
    }
    for (const double times : {-1.0, 1.0}) {
      proposals.add(
          {"bias.missing",
           [&at, name, bias, axes, times](const Half&) {
             const Cells places(at.port.shape, axes);
             return Prediction{
                 shifted(at, places, bias->values, times),
                 "",
                 fmt::format("{} is {}", name, times < 0 ? "not added" : "added twice")};
           },
           false});
    }
  }
}

/// The biases that could be in this tensor: the module's own, and of an input those of the module
/// that ran before it.
void propose_weights(const Case& at, Proposals& proposals) {
  std::vector<std::string> modules = {at.module()};
  if (at.name().role == Role::in) {
    modules = {at.scene.sources().ran_before(at.row)};
  }
  for (const auto& module : modules) {
    const auto bias = module.empty() ? nullptr : at.scene.weight(Side::ref, module + ".bias");
    if (bias) {
      propose_dumped(at, module + ".bias", bias, proposals);
    }
  }
}

} // namespace

void propose_bias(const Case& at, Proposals& proposals) {
  if (!at.same_shape || at.port.rank() < 1) {
    return;
  }
  constexpr int64_t kFewRows = 8, kFewestRows = 4;
  propose_weights(at, proposals);
  for (const Axes& axes : channel_axes(at.port.shape)) {
    const Cells cells(at.port.shape, axes);
    const int64_t rows = at.port.count() / std::max<int64_t>(cells.count(), 1);
    const bool is_enough = cells.count() > 1 && rows >= kFewestRows;
    if (!is_enough) {
      if (cells.count() > 1 && axes.size() == 1 && at.port.rank() == 2) {
        proposals.need("bias.missing", "weights/" + at.module() + ".bias");
      }
      continue;
    }
    if (share_left(at, cells) > 0.25 || is_exchanged(at, axes, cells)) {
      continue;
    }
    const bool is_fitted = rows >= kFewRows;
    proposals.add(
        {"bias.missing",
         [&at, axes, is_fitted](const Half& fit) {
           return is_fitted ? fitted(at, axes, fit) : from_other_rows(at, axes);
         },
         is_fitted});
  }
}

} // namespace mflux::parity
