#include "mflux/parity/diagnose/attention/inside.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "mflux/parity/diagnose/attention/model.h"
#include "mflux/parity/diagnose/attention/pick.h"
#include "mflux/parity/diagnose/attention/plan_variants.h"
#include "mflux/parity/diagnose/fitting.h"

namespace mflux::parity {
namespace {

constexpr double kWidest = 4; ///< of the scale's factor, as a power of e

/// ln of the bases that are tried.
constexpr double kLeastTheta = 0.4, kMostTheta = 18.5;

/// A bug with one number to find.
struct Fitted {
  std::string id;
  std::shared_ptr<const Model> model;
  double from = 0, to = 0;
  std::function<Setup(double)> setup_at;
  std::function<std::string(const Setup&)> detail;
};

struct Scored {
  SetupVariant variant;
  double left = 0;
};

/// The number with which a setup gives the port's tensor best.
double solved(const Case& at, const Fitted& fitted, const Half& fit) {
  const Site& site = fitted.model->site;
  return least_of(
      [&](double x) { return sampled_error(site, site.port, fitted.setup_at(x), at.port, fit); },
      fitted.from,
      fitted.to);
}

/// What a scale is made of, where it is a well-known one.
std::string words_for(double scale, const Heads& q) {
  const auto width = static_cast<double>(q.width), heads = static_cast<double>(q.heads);
  const std::pair<double, const char*> known[] = {
      {1, "1"},
      {1 / std::sqrt(width), "1/√d"},
      {1 / width, "1/d, or 1/√d twice"},
      {std::sqrt(width), "√d"},
      {1 / std::sqrt(width * heads), "1/√(heads * d)"},
      {1 / std::sqrt(heads), "1/√heads"},
      {1 / std::pow(width, 0.25), "1/⁴√d"},
      {2 / std::sqrt(width), "2/√d"},
      {1 / std::sqrt(2 * width), "1/√(2d)"},
      {std::sqrt(2 / width), "1/√(d/2)"}};
  for (const auto& [value, words] : known) {
    if (std::abs(scale - value) < 1e-3 * value) {
      return fmt::format(" = {}", words);
    }
  }
  return "";
}

Fitted scale_of(const std::shared_ptr<const Model>& model) {
  const auto setup_at = [model](double exponent) {
    Setup setup = model->setup;
    setup.scale *= std::exp(exponent);
    return setup;
  };
  const auto detail = [model](const Setup& setup) {
    const Heads& q = model->site.ref.q;
    return fmt::format(
        "scores times {:.5g}{}, the reference {:.5g}{}",
        setup.scale,
        words_for(setup.scale, q),
        model->setup.scale,
        words_for(model->setup.scale, q));
  };
  return {"attention.scale", model, -kWidest, kWidest, setup_at, detail};
}

/// The base of the frequencies, where the table could be taken apart.
std::optional<Fitted> theta_of(const std::shared_ptr<const Model>& model) {
  const Setup& base = model->setup;
  if (!base.turn_q || base.turn_q != base.turn_k) {
    return std::nullopt;
  }
  const auto plan = plan_of(*base.turn_q);
  if (!plan || plan->theta <= 0) {
    return std::nullopt;
  }
  const auto setup_at = [model, plan](double exponent) {
    Setup setup = model->setup;
    setup.turn_q = setup.turn_k = std::make_shared<const Turn>(
        made(with_theta(*plan, std::exp(exponent)), *model->setup.turn_q));
    return setup;
  };
  const auto detail = [theta = plan->theta](const Setup& setup) {
    const auto found = plan_of(*setup.turn_q);
    return fmt::format(
        "frequencies of base {:.5g}, the reference's {:.5g}", found ? found->theta : 0, theta);
  };
  return Fitted{"rope.theta", model, kLeastTheta, kMostTheta, setup_at, detail};
}

void add_fitted(const Case& at, const Fitted& fitted, double before, Proposals& proposals) {
  const Site& site = fitted.model->site;
  const Setup best = fitted.setup_at(solved(at, fitted, Half::all()));
  if (sampled_error(site, site.port, best, at.port) > kPromising * before) {
    return;
  }
  const auto predict = [&at, fitted](const Half& fit) {
    const Setup setup = fitted.setup_at(solved(at, fitted, fit));
    return std::optional(
        Prediction{predicted(at, fitted.model->site, setup), "", fitted.detail(setup)});
  };
  proposals.add({fitted.id, predict, true});
}

void add_variant(
    const Case& at,
    std::shared_ptr<const Model> model,
    const SetupVariant& variant,
    Proposals& proposals) {
  const auto setup = std::make_shared<const Setup>(variant.setup);
  const auto predict = [&at, model, setup, detail = variant.detail](const Half&) {
    return std::optional(Prediction{predicted(at, model->site, *setup), "", detail});
  };
  proposals.add({variant.id, predict, false});
}

std::vector<Scored> promising(const Case& at, const Model& model) {
  std::vector<Scored> out;
  const double before = sampled_error(model.site, model.site.port, model.setup, at.port);
  for (auto& variant : variants(at, model)) {
    if (!fits(model.site.port, variant.setup)) {
      continue;
    }
    const double left = sampled_error(model.site, model.site.port, variant.setup, at.port);
    if (left < kPromising * before) {
      out.push_back({std::move(variant), left});
    }
  }
  std::stable_sort(
      out.begin(), out.end(), [](const Scored& a, const Scored& b) { return a.left < b.left; });
  out.resize(std::min(out.size(), kMostVariants));
  return out;
}

/// With a first cause applied: the bug of the model that gives what the reference became.
std::optional<Model> with_first_cause(const Case& at, const Model& model) {
  std::optional<Model> best;
  for (auto& variant : variants(at, model)) {
    if (!fits(model.site.port, variant.setup)) {
      continue;
    }
    const double error = sampled_error(model.site, model.site.port, variant.setup, at.ref);
    if (error < std::max(1e-9, 0.01 * at.before()) && (!best || error < best->error)) {
      best = Model{model.site, variant.setup, error};
    }
  }
  return best;
}

} // namespace

void propose_inside(const Case& at, Proposals& proposals) {
  const auto roles = roles_around(at);
  const auto original = roles ? at.scene.pair(at.row) : nullptr;
  if (!original || !at.same_shape || original->ref.count() != at.ref.count()) {
    return;
  }
  auto model = find_model(at, *roles, original->ref);
  if (model && !at.is_first) {
    model = with_first_cause(at, *model);
  }
  if (!model) {
    return;
  }
  const auto shared = std::make_shared<const Model>(std::move(*model));
  for (const Scored& scored : promising(at, *shared)) {
    add_variant(at, shared, scored.variant, proposals);
  }
  const double before = sampled_error(shared->site, shared->site.port, shared->setup, at.port);
  add_fitted(at, scale_of(shared), before, proposals);
  if (const auto theta = theta_of(shared)) {
    add_fitted(at, *theta, before, proposals);
  }
}

} // namespace mflux::parity
