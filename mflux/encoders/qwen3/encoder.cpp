#include "mflux/encoders/qwen3/encoder.h"

#include <fmt/format.h>

#include "mflux/base/error.h"
#include "mflux/nn/fused/path.h"
#include "mflux/nn/load_component.h"

namespace mflux::qwen3 {

using nn::Axes;

mx::array TextEncoder::operator()(const Tokens& tokens) const {
  if (!config.has_lm_head) {
    return mx::concatenate(model(tokens), -1);
  }
  const auto call = this->call();
  Tokens seen = tokens;
  if (tokens.attention_mask) {
    seen.input_ids = call.in("input_ids", tokens.input_ids, Axes::as_is);
    seen.attention_mask = call.in("attention_mask", *tokens.attention_mask, Axes::as_is);
  } else {
    seen.input_ids = call.in(tokens.input_ids, Axes::as_is);
  }
  return mx::concatenate(model(seen), -1);
}

std::vector<std::string> TextEncoder::unused_by_design() const {
  const std::string prefix = config.has_lm_head ? "model." : "";
  std::vector<std::string> globs;
  if (config.has_lm_head) {
    globs.emplace_back("lm_head.weight");
  }
  for (int i = model.depth(); i < config.num_hidden_layers; ++i) {
    globs.push_back(fmt::format("{}layers.{}.*", prefix, i));
  }
  if (!model.norm) {
    globs.push_back(prefix + "norm.weight");
  }
  return globs;
}

TextEncoder load_text_encoder(
    const std::filesystem::path& folder,
    mx::Dtype dtype,
    const std::vector<int>& wanted,
    std::shared_ptr<capture::Taps> taps) {
  const auto file = folder / "config.json";
  const auto config = parse_qwen3_config(read_json(file), file.string());
  with_context(file.string(), [&] { return checked_hidden_states(config, wanted); });
  auto encoder = nn::load_component<TextEncoder>(folder, dtype, std::move(taps), config, wanted);
  if (nn::fused::takes_fused_path(dtype)) {
    encoder.model.join();
  }
  return encoder;
}

} // namespace mflux::qwen3
