#include "mflux/models/flux2/port_text_encoder.h"

#include <fmt/format.h>

#include <memory>

#include "mflux/base/error.h"
#include "mflux/models/flux2/call_defaults.h"
#include "mflux/models/flux2/encode_tokens.h"
#include "mflux/models/flux2/port_inputs.h"
#include "mflux/weights/weights.h"

namespace mflux::flux2 {
namespace {

using models::PortRequest;
using models::PortResult;

/// Of the run that wrote the inputs, else of the model.
std::vector<int> wanted_states(const PortRequest& request) {
  JsonReader run(request.inputs->run(), "the manifest's run");
  if (auto layers = run.maybe<std::vector<int>>("text_encoder_out_layers")) {
    return *layers;
  }
  return read_call_defaults(request.model, true).text_encoder_out_layers;
}

/// Whole numbers [batch, tokens]; booleans too for a mask.
mx::array read_whole(
    const PortRequest& request, const capture::Found& input, const artifacts::Shape* expected) {
  if (input.shape.size() != 2 || input.shape[0] < 1 || input.shape[1] < 1) {
    refuse(input, "[batch, tokens]");
  }
  if (expected && input.shape != *expected) {
    refuse(input, fmt::format("{} as input_ids", artifacts::to_string(*expected)));
  }
  return with_context(fmt::format("{}: {}", input.file.string(), input.name), [&] {
    const mx::array x = to_array(request.inputs->require({input.name}));
    const bool is_mask = expected && x.dtype() == mx::bool_;
    if (!is_mask && !mx::issubdtype(x.dtype(), mx::integer)) {
      throw Error(fmt::format("is of {}, expected integers", artifacts::name_of(input.dtype)));
    }
    return x;
  });
}

qwen3::Tokens read_tokens(const PortRequest& request) {
  const auto& inputs = *request.inputs;
  const auto ids = inputs.find({"input_ids", "text_encoder.in.input_ids", "text_encoder.in"});
  qwen3::Tokens tokens{.input_ids = read_whole(request, ids, nullptr)};
  for (const char* name : {"attention_mask", "text_encoder.in.attention_mask"}) {
    if (inputs.has(name)) {
      tokens.attention_mask = read_whole(request, inputs.find({name}), &ids.shape);
      break;
    }
  }
  return tokens;
}

PortResult run_text_encoder(const PortRequest& request) {
  const auto tokens = read_tokens(request);
  capture::Taps taps;
  const auto text_encoder = qwen3::load_text_encoder(
      component_folder(request.model, "text_encoder"),
      request.dtype,
      wanted_states(request),
      taps.component("text_encoder"));
  const capture::Watch watch(taps, request.observer);
  return {.outputs = {{"prompt_embeds", encode_tokens(text_encoder, tokens, taps)}}, .picture = {}};
}

} // namespace

models::Component text_encoder_component() {
  return {
      .name = "text_encoder",
      .inputs = "input_ids and, if there is padding, attention_mask [batch, tokens]",
      .run = run_text_encoder};
}

} // namespace mflux::flux2
