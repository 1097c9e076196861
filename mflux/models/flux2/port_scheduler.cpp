#include "mflux/models/flux2/port_scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "mflux/base/error.h"
#include "mflux/pipelines/denoise.h"
#include "mflux/schedulers/flow_match_euler.h"
#include "mflux/weights/weights.h"

namespace mflux::flux2 {

using capture::Axes;
using capture::Role;
using models::PortRequest;
using models::PortResult;

namespace {

/// `model` may be the scheduler's own folder.
FlowMatchEulerConfig read_config(const std::filesystem::path& model) {
  const char* kFile = "scheduler_config.json";
  const auto inside = model / "scheduler" / kFile;
  const auto file = std::filesystem::exists(inside) ? inside : model / kFile;
  return parse_flow_match_euler_config(read_json(file), file.string());
}

/// A number that the dump holds as a tensor.
std::optional<int64_t> number(const capture::Inputs& inputs, const std::string& name) {
  if (!inputs.has(name)) {
    return std::nullopt;
  }
  const auto tensor = inputs.require({name});
  if (tensor.count() != 1) {
    throw Error(
        fmt::format("{} is {}, expected one number", name, artifacts::to_string(tensor.shape)));
  }
  const double value = artifacts::value_at(tensor, 0);
  if (!(value >= 1 && value <= 1e9)) {
    throw Error(fmt::format("{} is {}, expected 1 or more", name, value));
  }
  return static_cast<int64_t>(value);
}

int steps_of(const capture::Inputs& inputs) {
  if (const auto said = number(inputs, "scheduler.in.num_inference_steps")) {
    return static_cast<int>(*said);
  }
  JsonReader run(inputs.run(), "the manifest's run");
  if (const auto steps = run.maybe<int>("steps")) {
    return *steps;
  }
  throw Error(
      "the inputs say no number of steps: neither scheduler.in.num_inference_steps nor the "
      "manifest's run");
}

int64_t tokens_of(const capture::Inputs& inputs) {
  if (const auto said = number(inputs, "scheduler.in.image_seq_len")) {
    return *said;
  }
  const auto packed = inputs.find({"latents_packed", "latents@step=1"});
  if (packed.shape.size() != 3) {
    throw Error(fmt::format(
        "{}: {} is {}, expected [batch, tokens, channels]",
        packed.file.string(),
        packed.name,
        artifacts::to_string(packed.shape)));
  }
  return packed.shape[1];
}

/// Sigmas before the shift: the dump's own, if its run was given some.
std::vector<double> sigmas_of(const capture::Inputs& inputs, int steps) {
  const std::string name = "scheduler.in.sigmas";
  if (!inputs.has(name)) {
    return linear_sigmas(steps);
  }
  const auto tensor = inputs.require({name});
  std::vector<double> sigmas(tensor.shape.size() == 1 ? tensor.count() : 0);
  if (sigmas.size() != static_cast<size_t>(steps)) {
    throw Error(fmt::format(
        "{} is {}, expected [{}], one per step", name, artifacts::to_string(tensor.shape), steps));
  }
  for (size_t i = 0; i < sigmas.size(); ++i) {
    sigmas[i] = artifacts::value_at(tensor, static_cast<int64_t>(i));
  }
  return sigmas;
}

mx::array floats(const std::vector<double>& values) {
  const std::vector<float> rounded(values.begin(), values.end());
  return mx::array(rounded.data(), {static_cast<int>(rounded.size())}, mx::float32);
}

mx::array read(const PortRequest& request, const std::string& name) {
  const auto array = to_array(request.inputs->require({name}));
  if (!mx::issubdtype(array.dtype(), mx::floating)) {
    throw Error(fmt::format("{} is not of floating-point numbers", name));
  }
  return mx::astype(array, request.dtype);
}

/// Step i (from 0) on the reference's own latents, if the dump has them.
void run_step(
    const PortRequest& request,
    const Schedule& schedule,
    int i,
    const capture::Taps& taps,
    PortResult& result) {
  const auto& inputs = *request.inputs;
  const auto before = i == 0 ? std::string("latents_packed") : fmt::format("latents@step={}", i);
  const auto prediction = fmt::format("noise_pred@step={}", i + 1);
  if (!inputs.has(before) || !inputs.has(prediction)) {
    return;
  }
  const auto sample = read(request, before), predicted = read(request, prediction);
  if (sample.shape() != predicted.shape()) {
    throw Error(fmt::format("{} and {} are of different shapes", before, prediction));
  }
  taps.begin_step(i + 1);
  const auto latents = pipelines::euler_step(sample, predicted, schedule.dt(i));
  const auto name = fmt::format("latents@step={}", i + 1);
  result.outputs.emplace_back(name, taps.record("latents", latents, Axes::as_is));
}

PortResult run(const PortRequest& request) {
  const auto& inputs = *request.inputs;
  const int steps = steps_of(inputs);
  const auto schedule = make_schedule(
      read_config(request.model), sigmas_of(inputs, steps), empirical_mu(tokens_of(inputs), steps));
  capture::Taps taps;
  const capture::Watch watch(taps, request.observer);
  PortResult result;
  for (const auto& [name, values] :
       {std::pair("sigmas", &schedule.sigmas), std::pair("timesteps", &schedule.timesteps)}) {
    result.outputs.emplace_back(name, taps.record(name, floats(*values), Axes::as_is));
  }
  for (int i = 0; i < schedule.steps(); ++i) {
    run_step(request, schedule, i, taps, result);
  }
  return result;
}

} // namespace

models::Component scheduler_component() {
  return {
      .name = "scheduler",
      .inputs =
          "scheduler.in.num_inference_steps, scheduler.in.image_seq_len (or the manifest's "
          "run and latents_packed); noise_pred@step=K and the latents before",
      .run = run};
}

} // namespace mflux::flux2
