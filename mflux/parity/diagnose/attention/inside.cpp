#include "mflux/parity/diagnose/attention/inside.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "mflux/parity/diagnose/attention/model.h"

namespace mflux::parity {
namespace {

/// A variant that leaves more than this part of the error, by a sample, is not computed in whole.
constexpr double kPromising = 0.9;
constexpr size_t kMostVariants = 4;

constexpr int kSteps = 24, kRefinements = 32;
constexpr double kWidest = 4; ///< of the scale's factor, as a power of e

struct Scored {
  SetupVariant variant;
  double left = 0;
};

/// The scale that fits the port best: a grid over factors, then the golden section.
double solved_scale(const Case& at, const Model& model, const Half& fit) {
  const auto error = [&](double exponent) {
    Setup setup = model.setup;
    setup.scale *= std::exp(exponent);
    return sampled_error(model.site, model.site.port, setup, at.port, fit);
  };
  double best = 0, least = error(0);
  const double step = 2 * kWidest / kSteps;
  for (int i = 0; i <= kSteps; ++i) {
    const double exponent = -kWidest + i * step;
    if (const double left = error(exponent); left < least) {
      best = exponent;
      least = left;
    }
  }
  double low = best - step, high = best + step;
  for (int i = 0; i < kRefinements; ++i) {
    const double a = high - 0.618033988749895 * (high - low);
    const double b = low + 0.618033988749895 * (high - low);
    (error(a) < error(b) ? high : low) = error(a) < error(b) ? b : a;
  }
  return model.setup.scale * std::exp((low + high) / 2);
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

void add_scale(const Case& at, std::shared_ptr<const Model> model, Proposals& proposals) {
  const auto predict = [&at, model](const Half& fit) {
    Setup setup = model->setup;
    setup.scale = solved_scale(at, *model, fit);
    return std::optional(Prediction{
        predicted(at, model->site, setup),
        "",
        fmt::format(
            "scores times {:.5g}{}, the reference {:.5g}{}",
            setup.scale,
            words_for(setup.scale, model->site.ref.q),
            model->setup.scale,
            words_for(model->setup.scale, model->site.ref.q))});
  };
  proposals.add({"attention.scale", predict, true});
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
  add_scale(at, shared, proposals);
}

} // namespace mflux::parity
