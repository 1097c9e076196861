#include "mflux/models/flux2/port_transformer.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "mflux/base/error.h"
#include "mflux/models/flux2/port_inputs.h"
#include "mflux/models/flux2/transformer.h"
#include "mflux/vae/flux2/config.h"
#include "mflux/weights/weights.h"

namespace mflux::flux2 {
namespace {

using capture::Axes;
using models::at_step;
using models::PortRequest;
using models::PortResult;
using Step = std::optional<int>;

/// FLUX.2's, where no autoencoder's config says it.
constexpr int kPixelsPerToken = 16;

/// The transformer with the request's observer at its taps and at the pipeline's.
struct Watched {
  explicit Watched(const PortRequest& port_request)
      : request(port_request),
        transformer(load_transformer(
            component_folder(request.model, "transformer"),
            request.dtype,
            taps.component("transformer"))),
        watch(taps, request.observer) {}

  const PortRequest& request;
  capture::Taps taps;
  Flux2Transformer2DModel transformer;
  capture::Watch watch;
  PortResult result{};

  const capture::Inputs& inputs() const {
    return *request.inputs;
  }

  capture::Found find(const std::string& name, const std::vector<Axis>& axes) const {
    return find_input(request, {name}, axes);
  }

  mx::array read(const std::string& name, const std::vector<Axis>& axes) const {
    return read_input(request, find(name, axes));
  }

  Positions positions(const std::string& name) const {
    return with_context(
        name, [&] { return transformer.pos_embed.prepare(to_array(inputs().require({name}))); });
  }

  /// Runs it under the name that the reference's hooks give this call.
  mx::array evaluate(const std::string& call, Step step, const TransformerInput& input) {
    const auto prediction = transformer(input);
    result.outputs.emplace_back(at_step(call, step), prediction);
    return prediction;
  }

  /// The part of a prediction that is of the image being made, under the pipeline's name.
  void record(const std::string& name, Step step, const mx::array& prediction, int tokens) {
    const auto part = mx::split(prediction, mx::Shape{tokens}, 1)[0];
    result.outputs.emplace_back(at_step(name, step), taps.record(name, part, Axes::as_is));
  }
};

constexpr const char* kCall = "transformer";
constexpr const char* kSecondCall = "transformer.call2"; ///< with the negative prompt

/// Tokens of the image being made, which edits' reference images follow.
int predicted_tokens(const capture::Inputs& inputs, Step step, int all) {
  for (const auto& name : {at_step("noise_pred", step), std::string("latents_packed")}) {
    if (inputs.has(name)) {
      const auto shape = inputs.find({name}).shape;
      if (shape.size() == 3 && shape[1] >= 1 && shape[1] <= all) {
        return static_cast<int>(shape[1]);
      }
    }
  }
  return all;
}

mx::array run_call(Watched& run, const std::string& call, Step step) {
  const auto& config = run.transformer.config;
  const auto name = [&](const char* argument) {
    return at_step(fmt::format("{}.in.{}", call, argument), step);
  };
  const auto img = run.positions(name("img_ids")), txt = run.positions(name("txt_ids"));
  std::optional<mx::array> guidance;
  if (run.inputs().has(name("guidance"))) {
    guidance = run.read(name("guidance"), {{"batch"}});
  }
  return run.evaluate(
      call,
      step,
      {.hidden_states = run.read(
           name("hidden_states"), {{"batch"}, {"tokens"}, {"channels", config.in_channels}}),
       .encoder_hidden_states = run.read(
           name("encoder_hidden_states"),
           {{"batch"}, {"tokens"}, {"channels", config.joint_attention_dim}}),
       .timestep = run.read(name("timestep"), {{"batch"}}),
       .img = img,
       .txt = txt,
       .guidance = guidance});
}

/// On the inputs that the reference's hooks saw.
void run_calls(Watched& run, Step step) {
  run.taps.begin_step(step);
  const auto prediction = run_call(run, kCall, step);
  const int tokens = predicted_tokens(run.inputs(), step, prediction.shape(1));
  const bool has_second = run.inputs().has(at_step("transformer.call2.in.hidden_states", step));
  run.record(has_second ? "noise_pred_cond" : "noise_pred", step, prediction, tokens);
  if (has_second) {
    run.record("noise_pred_uncond", step, run_call(run, kSecondCall, step), tokens);
  }
}

/// What the pipeline's own checkpoints say of a run.
struct Loop {
  Positions img;
  struct Prompt {
    mx::array embeds;
    Positions ids;
  };
  Prompt prompt;
  std::optional<Prompt> negative;
};

int pixels_per_token(const std::filesystem::path& model) {
  const auto file = model / "vae" / "config.json";
  return std::filesystem::exists(file)
             ? kPatch * parse_vae_config(read_json(file), file.string()).scale()
             : kPixelsPerToken;
}

std::string latents_name(int step) {
  return step == 1 ? "latents_packed" : at_step("latents", step - 1);
}

Loop::Prompt read_prompt(const Watched& run, const std::string& name) {
  const auto& model = run.transformer;
  const auto embeds =
      run.read(name, {{"batch"}, {"tokens"}, {"channels", model.config.joint_attention_dim}});
  const auto ids = text_ids(embeds.shape(0), embeds.shape(1));
  return {.embeds = embeds, .ids = model.pos_embed.prepare(ids)};
}

Loop read_loop(const Watched& run, int first_step) {
  const auto& model = run.transformer;
  const auto latents = run.find(
      latents_name(first_step), {{"batch"}, {"tokens"}, {"channels", model.config.in_channels}});
  const auto grid = grid_of(run.inputs(), latents, pixels_per_token(run.request.model));
  const auto ids = image_ids(static_cast<int>(latents.shape[0]), grid);
  Loop loop{
      .img = model.pos_embed.prepare(ids),
      .prompt = read_prompt(run, "prompt_embeds"),
      .negative = {}};
  if (run.inputs().has("negative_prompt_embeds")) {
    loop.negative = read_prompt(run, "negative_prompt_embeds");
  }
  return loop;
}

/// On what the pipeline's checkpoints say it was given.
void run_step(Watched& run, const Loop& loop, int step) {
  run.taps.begin_step(step);
  const auto& config = run.transformer.config;
  const auto latents =
      run.read(latents_name(step), {{"batch"}, {"tokens"}, {"channels", config.in_channels}});
  const auto timestep = run.read(at_step("timestep", step), {{"batch"}});
  const auto sigma = mx::divide(timestep, mx::array(1000.0f, run.request.dtype));
  const auto evaluate = [&](const char* call, const Loop::Prompt& prompt) {
    return run.evaluate(
        call,
        step,
        {.hidden_states = latents,
         .encoder_hidden_states = prompt.embeds,
         .timestep = sigma,
         .img = loop.img,
         .txt = prompt.ids});
  };
  const int tokens = latents.shape(1);
  const auto prediction = evaluate(kCall, loop.prompt);
  run.record(loop.negative ? "noise_pred_cond" : "noise_pred", step, prediction, tokens);
  if (loop.negative) {
    run.record("noise_pred_uncond", step, evaluate(kSecondCall, *loop.negative), tokens);
  }
}

PortResult run_transformer(const PortRequest& request) {
  const auto& inputs = *request.inputs;
  const std::string hidden_states = "transformer.in.hidden_states";
  const auto called = inputs.steps(hidden_states);
  Watched run(request);
  if (!called.empty() || inputs.has(hidden_states)) {
    if (inputs.has(hidden_states)) {
      run_calls(run, std::nullopt);
    }
    for (const int step : called) {
      run_calls(run, step);
    }
    return std::move(run.result);
  }
  auto steps = inputs.steps("timestep");
  const auto lacks = [&](int step) { return !inputs.has(latents_name(step)); };
  steps.erase(std::remove_if(steps.begin(), steps.end(), lacks), steps.end());
  if (steps.empty()) {
    throw Error(fmt::format(
        "the inputs hold neither {} nor a step's latents and timestep@step=K", hidden_states));
  }
  const Loop loop = read_loop(run, steps.front());
  for (const int step : steps) {
    run_step(run, loop, step);
  }
  return std::move(run.result);
}

} // namespace

models::Component transformer_component() {
  return {
      .name = "transformer",
      .inputs = "transformer.in.*, or prompt_embeds, timestep@step=K and its latents; every step",
      .run = run_transformer};
}

} // namespace mflux::flux2
