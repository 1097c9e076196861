#include "mflux/models/flux2/call_defaults.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "mflux/base/error.h"
#include "mflux/base/json.h"

namespace mflux::flux2 {
namespace {

void check(const CallDefaults& call, const std::string& where) {
  const auto positive = [&](const char* key, int value) {
    if (value < 1) {
      throw Error(fmt::format("{}: {} is {}, expected 1 or more", where, key, value));
    }
  };
  positive("width", call.width);
  positive("height", call.height);
  positive("num_inference_steps", call.steps);
  positive("max_sequence_length", call.max_sequence_length);
  if (!(call.guidance >= 0 && std::isfinite(call.guidance))) {
    throw Error(fmt::format("{}: guidance_scale is {}, expected 0 or more", where, call.guidance));
  }
  if (call.text_encoder_out_layers.empty()) {
    throw Error(fmt::format("{}: text_encoder_out_layers is empty", where));
  }
  for (const int layer : call.text_encoder_out_layers) {
    if (layer < 0) {
      throw Error(fmt::format(
          "{}: text_encoder_out_layers has {}, expected 0 (the embedding) or more", where, layer));
    }
  }
}

} // namespace

CallDefaults read_call_defaults(const std::filesystem::path& folder, bool is_distilled) {
  CallDefaults call;
  call.steps = is_distilled ? 4 : 50;
  call.guidance = is_distilled ? 1 : 4;
  const auto file = folder / "call.json";
  if (!std::filesystem::exists(file)) {
    return call;
  }
  const Json json = read_json(file);
  JsonReader reader(json, file.string());
  call.width = reader.get("width", call.width);
  call.height = reader.get("height", call.height);
  call.steps = reader.get("num_inference_steps", call.steps);
  call.guidance = reader.get("guidance_scale", call.guidance);
  call.max_sequence_length = reader.get("max_sequence_length", call.max_sequence_length);
  call.text_encoder_out_layers =
      reader.get("text_encoder_out_layers", call.text_encoder_out_layers);
  if (const auto unknown = reader.unknown_keys(); !unknown.empty()) {
    throw Error(
        printable(fmt::format("{}: unknown keys {}", file.string(), fmt::join(unknown, ", "))));
  }
  check(call, file.string());
  return call;
}

} // namespace mflux::flux2
