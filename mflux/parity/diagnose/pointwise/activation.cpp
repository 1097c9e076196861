#include "mflux/parity/diagnose/pointwise/activation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "mflux/parity/diagnose/pointwise/curves.h"
#include "mflux/parity/diagnose/pointwise/nearby.h"

namespace mflux::parity {
namespace {

/// What the activation is applied to, and what it is multiplied with; the latter may be empty.
struct Operands {
  std::vector<double> inside, beside;
  const char* halves = ""; ///< which half of one tensor is inside
};

using Shared = std::shared_ptr<const Operands>;

double value(const Operands& operands, const Curve& curve, size_t i) {
  const double y = curve.of(operands.inside[i]);
  return operands.beside.empty() ? y : y * operands.beside[i];
}

constexpr size_t kSample = 2048;

/// ‖target − f‖ / ‖target‖ over a sample.
double misfit(const Field& target, const Operands& operands, const Curve& curve) {
  const size_t stride = std::max<size_t>(1, target.values.size() / kSample);
  double left = 0, norm = 0;
  for (size_t i = 0; i < target.values.size(); i += stride) {
    left += std::pow(target.values[i] - value(operands, curve, i), 2);
    norm += target.values[i] * target.values[i];
  }
  return norm > 0 ? std::sqrt(left / norm) : HUGE_VAL;
}

/// The two halves of each row of twice the width.
std::pair<std::vector<double>, std::vector<double>> halves_of(const Field& field) {
  std::pair<std::vector<double>, std::vector<double>> out;
  const auto width = static_cast<size_t>(field.width());
  for (size_t i = 0; i < field.values.size(); ++i) {
    (i % width < width / 2 ? out.first : out.second).push_back(field.values[i]);
  }
  return out;
}

std::vector<Shared> operands_of(const Case& at) {
  std::vector<Shared> out;
  const auto add = [&](std::vector<double> inside, std::vector<double> beside, const char* text) {
    out.push_back(
        std::make_shared<const Operands>(Operands{std::move(inside), std::move(beside), text}));
  };
  const auto same = nearby(at, at.ref.count());
  for (const auto& one : same) {
    add(one.pair->ref.values, {}, "");
  }
  for (const auto& twice : nearby(at, 2 * at.ref.count())) {
    if (twice.pair->ref.width() == 2 * at.ref.width()) {
      auto [first, second] = halves_of(twice.pair->ref);
      add(first, second, "first");
      add(std::move(second), std::move(first), "second");
    }
  }
  for (const auto& one : same) {
    for (const auto& other : same) {
      if (&one != &other) {
        add(one.pair->ref.values, other.pair->ref.values, "");
      }
    }
  }
  return out;
}

struct Known {
  Shared operands;
  const Curve* curve = nullptr;
  double left = HUGE_VAL;
};

/// What the reference itself computes; the curve is null when nothing reproduces it.
Known reference_of(const Case& at) {
  const double least = std::max(2 * at.floor(), 3e-6);
  Known best;
  for (const auto& operands : operands_of(at)) {
    for (const auto& curve : curves()) {
      const double left = misfit(at.ref, *operands, curve);
      if (left <= least && left < best.left) {
        best = {operands, &curve, left};
      }
    }
  }
  return best;
}

Prediction applied(const Case& at, const Operands& operands, const Curve& curve) {
  Prediction out{{at.port.shape, at.ref.values}, {}, {}};
  for (size_t i = 0; i < out.field.values.size(); ++i) {
    out.field.values[i] = value(operands, curve, i);
  }
  return out;
}

void propose_exchanged(const Case& at, const Known& known, Proposals& proposals) {
  if (known.operands->beside.empty()) {
    return;
  }
  proposals.add(
      {"concat.order",
       [&at, known](const Half&) {
         const Operands other{known.operands->beside, known.operands->inside, ""};
         auto out = applied(at, other, *known.curve);
         out.detail = fmt::format(
             "{} is applied to the other part of the gated activation", known.curve->name);
         return out;
       },
       false});
}

} // namespace

void propose_activation(const Case& at, Proposals& proposals) {
  if (at.ref.count() != at.port.count()) {
    return;
  }
  const Known known = reference_of(at);
  if (!known.curve) {
    propose_activation_curve(at, proposals);
    return;
  }
  const bool is_plain = known.curve == curves().data();
  for (const auto& curve : curves()) {
    // What differs no more than rounding says nothing.
    if (&curve == known.curve) {
      continue;
    }
    if (misfit(at.port, *known.operands, curve) > 0.25 * at.before()) {
      continue;
    }
    proposals.add(
        {"activation.variant",
         [&at, known, &curve](const Half&) {
           auto out = applied(at, *known.operands, curve);
           out.detail = fmt::format("{} in place of {}", curve.name, known.curve->name);
           return out;
         },
         false});
  }
  if (!is_plain) {
    propose_exchanged(at, known, proposals);
  }
}

} // namespace mflux::parity
