#include "mflux/parity/diagnose/pointwise/norm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <tuple>

#include "mflux/parity/diagnose/fitting.h"
#include "mflux/parity/diagnose/pointwise/lay.h"

namespace mflux::parity {
namespace {

using Model = std::shared_ptr<const NormModel>;

/// What the model leaves of the port over a sample of the elements of `fit`.
double misfit(
    const Case& at, const NormModel& model, const NormForm& form, const Half& fit, size_t stride) {
  const Normal normal(model.input->ref, *model.statistics, form);
  double left = 0;
  for (size_t i = 0; i < model.cell.size(); i += stride) {
    if (fit.holds(static_cast<int64_t>(i))) {
      const auto c = static_cast<size_t>(model.cell[i]);
      left += std::pow(at.port.values[i] - model.weight[c] * normal(i) - model.bias[c], 2);
    }
  }
  return left;
}

/// The nearest of 1, 2 and 5 times a power of ten.
double round_eps(double eps) {
  double best = eps;
  double nearest = HUGE_VAL;
  for (int power = -12; power <= 0; ++power) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double candidate = digit * std::pow(10, power);
      const double away = std::abs(std::log(candidate / eps));
      if (away < nearest) {
        nearest = away;
        best = candidate;
      }
    }
  }
  return best;
}

/// The epsilon of the port: a grid over its logarithm, then golden section.
double solve_eps(const Case& at, const NormModel& model, NormForm form, const Half& fit) {
  const size_t stride = std::max<size_t>(1, model.cell.size() / 32768) | 1;
  const auto left = [&](double log_eps) {
    form.eps = std::exp(log_eps);
    return misfit(at, model, form, fit, stride);
  };
  const double solved = std::exp(least_of(left, std::log(1e-13), std::log(10.0), 28));
  const double round = round_eps(solved);
  const double as_solved = left(std::log(solved)), as_round = left(std::log(round));
  return as_round <= 1.05 * as_solved + 1e-30 ? round : solved;
}

std::optional<Prediction> other_eps(const Case& at, const Model& model, const Half& fit) {
  NormForm form = model->form;
  form.eps = solve_eps(at, *model, form, fit);
  if (std::abs(form.eps - model->form.eps) <= 0.02 * model->form.eps) {
    return std::nullopt;
  }
  return Prediction{
      model->with(form),
      "",
      fmt::format("eps {:.3g} where the reference's is {:.3g}", form.eps, model->form.eps)};
}

void propose_fixed(
    const Case& at,
    const char* id,
    const Model& model,
    const NormForm& form,
    std::string detail,
    Proposals& proposals) {
  constexpr double kHopeless = 0.7;
  const auto field = std::make_shared<Field>(model->with(form));
  if (residual(at, *field) > kHopeless * at.before()) {
    return;
  }
  proposals.add(
      {id,
       [field, detail = std::move(detail)](const Half&) {
         return Prediction{*field, "", detail};
       },
       false});
}

void propose_eps(const Case& at, const Model& model, Proposals& proposals) {
  proposals.add(
      {"norm.eps", [&at, model](const Half& fit) { return other_eps(at, model, fit); }, true});
  NormForm form = model->form;
  form.eps_outside = true;
  propose_fixed(at, "norm.eps", model, form, "eps is added to the root, not under it", proposals);
  form = model->form;
  form.is_unbiased = true;
  propose_fixed(
      at, "norm.eps", model, form, "the variance is divided by n - 1, not by n", proposals);
}

void propose_mean(const Case& at, const Model& model, Proposals& proposals) {
  NormForm form = model->form;
  form.has_mean = !form.has_mean;
  const char* detail = form.has_mean ? "the mean is subtracted: LayerNorm in place of RMSNorm"
                                     : "the mean is not subtracted: RMSNorm in place of LayerNorm";
  propose_fixed(at, "norm.mean", model, form, detail, proposals);
  if (!form.has_mean) {
    NormModel bare = *model;
    bare.bias.assign(bare.bias.size(), 0);
    propose_fixed(
        at,
        "norm.mean",
        std::make_shared<const NormModel>(std::move(bare)),
        form,
        std::string(detail) + ", and no bias is added",
        proposals);
  }
}

/// Every other grouping in place of the model's.
void propose_groups_of(
    const Case& at, const Model& model, const std::vector<Spread>& spreads, Proposals& proposals) {
  const Spread& own = model->form.spread;
  for (const Spread& spread : spreads) {
    if (spread.kind == Spread::Kind::none ||
        (spread.kind == own.kind && spread.groups == own.groups)) {
      continue;
    }
    NormForm form = model->form;
    form.spread = spread;
    propose_fixed(
        at,
        "norm.groups",
        model,
        form,
        fmt::format("statistics over {} where the reference takes {}", spread.words(), own.words()),
        proposals);
  }
}

bool is_grouping(const Spread& spread) {
  return spread.kind == Spread::Kind::grouped || spread.kind == Spread::Kind::interleaved;
}

void propose_groups(const Case& at, const Model& model, Proposals& proposals) {
  const auto spreads = spreads_of(at.ref.shape);
  propose_groups_of(at, model, spreads, proposals);
  constexpr int64_t kSmall = int64_t{1} << 18; // each pair of groupings is a whole norm
  const bool is_one_sample = at.ref.rank() >= 3 && at.ref.shape.front() == 1;
  if (!is_one_sample || at.ref.count() > kSmall ||
      (!is_grouping(model->form.spread) && model->form.spread.kind != Spread::Kind::none)) {
    return;
  }
  std::vector<Spread> others;
  std::copy_if(spreads.begin(), spreads.end(), std::back_inserter(others), is_grouping);
  for (const Spread& own : others) {
    if (const auto other =
            own.kind == Spread::Kind::grouped ? refitted(at, *model, own) : nullptr) {
      propose_groups_of(at, other, others, proposals);
    }
  }
}

/// The reference's norm with another weight and bias.
void propose_affine(
    const Case& at,
    const char* id,
    const Model& model,
    const std::function<std::pair<double, double>(double, double)>& change,
    const char* detail,
    Proposals& proposals) {
  NormModel other = *model;
  for (size_t c = 0; c < other.weight.size(); ++c) {
    std::tie(other.weight[c], other.bias[c]) = change(model->weight[c], model->bias[c]);
  }
  propose_fixed(
      at, id, std::make_shared<const NormModel>(std::move(other)), model->form, detail, proposals);
}

} // namespace

void propose_norm(const Case& at, const Model& model, Proposals& proposals) {
  propose_groups(at, model, proposals);
  if (model->form.spread.kind == Spread::Kind::none) {
    return;
  }
  propose_eps(at, model, proposals);
  propose_mean(at, model, proposals);
}

void propose_modulation(const Case& at, const Model& model, Proposals& proposals) {
  using Pair = std::pair<double, double>;
  propose_affine(
      at,
      "modulation.swapped",
      model,
      [](double w, double b) { return Pair(1 + b, w - 1); },
      "scale and shift are exchanged",
      proposals);
  propose_affine(
      at,
      "modulation.one",
      model,
      [](double w, double b) { return Pair(w - 1, b); },
      "the port multiplies by scale, the reference by 1 + scale",
      proposals);
  propose_affine(
      at,
      "modulation.one",
      model,
      [](double w, double b) { return Pair(w + 1, b); },
      "the port multiplies by 1 + scale, the reference by scale",
      proposals);
}

} // namespace mflux::parity
