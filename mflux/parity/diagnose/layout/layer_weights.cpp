#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mflux/parity/diagnose/layout/layer.h"
#include "mflux/parity/diagnose/layout/weight_variants.h"
#include "mflux/parity/diagnose/layout/weights.h"

namespace mflux::parity {
namespace {

/// Weights that differ by less were rounded.
constexpr double kDiffers = 0.05;

void add(std::string id, Layer layer, std::string detail, const Case& at, Proposals& proposals) {
  if (!may_be_port(at, layer)) {
    return;
  }
  proposals.add(
      {std::move(id),
       [layer = std::move(layer), detail = std::move(detail)](const Half&) {
         return std::optional(Prediction{layer.output(), {}, detail, {}});
       },
       false});
}

void add_zero(const Case& at, const Layer& layer, Proposals& proposals) {
  auto zero = std::make_shared<Field>(layer.weight());
  std::fill(zero->values.begin(), zero->values.end(), 0.0);
  const Layer without = layer.with_weight(std::move(zero));
  const bool is_nothing = std::all_of(
      at.port.values.begin(), at.port.values.end(), [](double value) { return value == 0; });
  if (is_nothing) {
    proposals.add(
        {"weights.missing",
         [&at](const Half&) {
           Field field = at.port;
           std::fill(field.values.begin(), field.values.end(), 0.0);
           return std::optional(
               Prediction{std::move(field), {}, at.module() + ".weight is zero", {}});
         },
         false});
  }
  add("weights.missing",
      without,
      at.module() + ".weight is zero: only the bias is left",
      at,
      proposals);
}

/// The layer with the weight that the port dumped.
void add_dumped(const Case& at, const Layer& layer, Proposals& proposals) {
  const auto port = at.weight(Side::port, "weight");
  if (!port || port->shape != layer.weight().shape ||
      relative_error(*port, layer.weight()) < kDiffers) {
    return;
  }
  const auto variant = variant_that_is(*port, layer.weight());
  add(variant ? "weights.transposed" : "weights.missing",
      layer.with_weight(port),
      fmt::format(
          "{}.weight: {}",
          at.module(),
          variant ? variant->detail : "the port's is another, as dumped"),
      at,
      proposals);
}

} // namespace

void propose_layer_weights(const Case& at, Proposals& proposals) {
  if (!at.same_shape || at.name().role != Role::out) {
    return;
  }
  const auto layer = Layer::of(at);
  if (!layer) {
    const bool is_layer = at.module_class().find("Linear") != std::string::npos ||
                          at.module_class().find("Conv") != std::string::npos;
    if (is_layer && at.is_first) {
      if (!at.weight(Side::ref, "weight")) {
        proposals.need("weights.transposed", fmt::format("weights/{}.weight", at.module()));
      }
      if (!at.input()) {
        proposals.need("weights.transposed", at.module() + ".in");
      }
    }
    return;
  }
  for (const auto& variant : transposed_variants(layer->weight().shape)) {
    add("weights.transposed",
        layer->with_weight(std::make_shared<const Field>(varied(layer->weight(), variant))),
        fmt::format("{}.weight: {}", at.module(), variant.detail),
        at,
        proposals);
  }
  add_zero(at, *layer, proposals);
  add_dumped(at, *layer, proposals);
}

} // namespace mflux::parity
