#include "mflux/models/z_image/port_transformer.h"

#include <fmt/format.h>

#include <optional>

#include "mflux/models/port_inputs.h"
#include "mflux/models/z_image/transformer.h"
#include "mflux/weights/weights.h"

namespace mflux::z_image {
namespace {

using models::at_step;
using models::PortRequest;
using models::PortResult;
using Step = std::optional<int>;

/// All of a list: "NAME.0", "NAME.1", …
std::vector<mx::array> read_list(
    const PortRequest& request,
    const char* list,
    Step step,
    const std::vector<models::Axis>& axes) {
  std::vector<mx::array> out;
  for (int i = 0;; ++i) {
    const auto name = at_step(fmt::format("transformer.in.{}.{}", list, i), step);
    if (i > 0 && !request.inputs->has(name)) {
      return out;
    }
    out.push_back(read_input(request, find_input(request, {name}, axes)));
  }
}

/// The pipeline computes the time step in float32, whatever the model's type.
mx::array read_time(const PortRequest& request, Step step) {
  const auto found = find_input(request, {at_step("transformer.in.t", step)}, {{"batch"}});
  return to_array(request.inputs->require({found.name}));
}

PortResult run_transformer(const PortRequest& request) {
  const std::string first = "transformer.in.x.0";
  std::vector<Step> steps;
  if (request.inputs->has(first) || request.inputs->steps(first).empty()) {
    steps.emplace_back();
  }
  for (const int step : request.inputs->steps(first)) {
    steps.emplace_back(step);
  }
  const capture::Taps taps;
  const auto own = taps.component("transformer");
  const auto transformer =
      load_transformer(models::component_folder(request.model, "transformer"), request.dtype, own);
  const capture::Watch watch(*own, request.observer);
  const auto& config = transformer.config;
  PortResult result;
  for (const Step step : steps) {
    taps.begin_step(step);
    const auto predictions = transformer(
        {.x = read_list(
             request,
             "x",
             step,
             {{"channels", config.in_channels}, {"frames"}, {"height"}, {"width"}}),
         .t = read_time(request, step),
         .cap_feats = read_list(
             request, "cap_feats", step, {{"tokens"}, {"channels", config.cap_feat_dim}})});
    for (size_t i = 0; i < predictions.size(); ++i) {
      const auto name =
          predictions.size() == 1 ? "transformer" : fmt::format("transformer.out.0.{}", i);
      result.outputs.emplace_back(at_step(name, step), predictions[i]);
    }
  }
  return result;
}

} // namespace

models::Component transformer_component() {
  return {
      .name = "transformer",
      .inputs = "transformer.in.x.N, transformer.in.t and transformer.in.cap_feats.N; every step",
      .run = run_transformer};
}

} // namespace mflux::z_image
