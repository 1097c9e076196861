#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/layout/weight_variants.h"
#include "mflux/parity/diagnose/layout/weights.h"

namespace mflux::parity {
namespace {

/// Weights that differ by less were rounded.
constexpr double kDiffers = 0.05;

/// That other numbers in a dumped weight are why its module goes wrong.
constexpr double kSureOfOthers = 0.9;

/// Of a module: more parameters are no one cause's.
constexpr size_t kMostParameters = 64;

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// A module's path without its component, as weights may be named.
std::string without_component(const std::string& path) {
  const size_t dot = path.find('.');
  return dot == std::string::npos ? path : path.substr(dot + 1);
}

bool is_below(const std::string& parameter, const std::string& module) {
  return parameter.rfind(module + ".", 0) == 0 ||
         parameter.rfind(without_component(module) + ".", 0) == 0;
}

struct Difference {
  std::string parameter;
  double error = 0, left = 0;           ///< as they are, and with the variant of the reference's
  std::optional<WeightVariant> variant; ///< nothing: other numbers
};

std::optional<Difference> difference_of(const Scene& scene, const Checkpoint& weight) {
  const auto& all = scene.comparison().port.weights();
  const auto port = std::find_if(all.begin(), all.end(), [&](const Checkpoint& other) {
    return other.name.path == weight.name.path;
  });
  const auto count = artifacts::element_count(weight.shape);
  if (port == all.end() || port->shape != weight.shape || count == 0 ||
      count > Scene::kMostElements) {
    return std::nullopt;
  }
  const Field a = field_of(scene.comparison().ref.load(weight));
  const Field b = field_of(scene.comparison().port.load(*port));
  const double error = relative_error(b, a);
  if (!(error > kDiffers)) {
    return std::nullopt;
  }
  auto variant = variant_that_is(b, a);
  const double left = variant ? relative_error(b, varied(a, *variant)) : error;
  return Difference{weight.name.path, error, left, std::move(variant)};
}

/// Whether weights of modules that agree are transposed too: the port's way to keep them.
bool is_convention(const Case& at) {
  size_t looked = 0;
  for (const auto& weight : at.scene.comparison().ref.weights()) {
    if (is_below(weight.name.path, at.module()) || weight.shape.size() < 2) {
      continue;
    }
    if (++looked > 8) {
      break;
    }
    if (const auto difference = difference_of(at.scene, weight);
        difference && difference->variant) {
      return true;
    }
  }
  return false;
}

} // namespace

void propose_differing_weights(const Case& at, Proposals& proposals) {
  const auto& all = at.scene.comparison().ref.weights();
  if (at.name().role != Role::out || !at.same_shape || !at.is_first ||
      at.scene.comparison().port.weights().empty()) {
    return;
  }
  std::vector<const Checkpoint*> below;
  for (const auto& weight : all) {
    if (is_below(weight.name.path, at.module()) && !ends_with(weight.name.path, ".bias")) {
      below.push_back(&weight);
    }
  }
  if (below.size() > kMostParameters) {
    return;
  }
  for (const Checkpoint* weight : below) {
    const auto difference = difference_of(at.scene, *weight);
    if (!difference || (difference->variant && is_convention(at))) {
      continue;
    }
    const auto said = [&](const std::string& what) {
      return fmt::format("{}: {}, as both sides dumped it", difference->parameter, what);
    };
    if (!difference->variant) {
      proposals.state({"weights.missing", said("the port holds other numbers"), kSureOfOthers});
      continue;
    }
    const Prediction::Elsewhere proof{difference->error, difference->left};
    proposals.add(
        {"weights.transposed",
         [&at, detail = said(difference->variant->detail), proof](const Half&) {
           return std::optional(Prediction{at.port, {}, detail, proof});
         },
         false});
  }
}

} // namespace mflux::parity
