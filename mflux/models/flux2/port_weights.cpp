#include "mflux/models/flux2/port_weights.h"

#include "mflux/base/model_config.h"
#include "mflux/encoders/qwen3/config.h"
#include "mflux/encoders/qwen3/encoder.h"
#include "mflux/models/flux2/call_defaults.h"
#include "mflux/models/flux2/transformer.h"
#include "mflux/models/flux2/transformer_config.h"
#include "mflux/vae/flux2/autoencoder.h"

namespace mflux::flux2 {
namespace {

namespace fs = std::filesystem;

/// FLUX.2-klein-4B as published, where it differs from its classes' defaults.
TransformerConfig published_transformer() {
  return {
      .num_layers = 5,
      .num_single_layers = 20,
      .num_attention_heads = 24,
      .joint_attention_dim = 7680,
      .guidance_embeds = false};
}

/// Qwen3-4B.
qwen3::Qwen3Config published_text_encoder() {
  return {
      .hidden_size = 2560,
      .intermediate_size = 9728,
      .num_hidden_layers = 36,
      .num_key_value_heads = 8,
      .max_position_embeddings = 40960,
      .rope_theta = 1e6};
}

Declared declare_vae(const fs::path& folder) {
  return declare<AutoencoderKLFlux2>(
      folder.empty() ? VaeConfig{} : read_config(folder, parse_vae_config));
}

Declared declare_transformer(const fs::path& folder) {
  return declare<Flux2Transformer2DModel>(
      folder.empty() ? published_transformer() : read_config(folder, parse_transformer_config));
}

Declared declare_text_encoder(const fs::path& folder) {
  if (folder.empty()) {
    return declare<qwen3::TextEncoder>(
        published_text_encoder(), CallDefaults{}.text_encoder_out_layers);
  }
  const auto config = read_config(folder, qwen3::parse_qwen3_config);
  const auto call = read_call_defaults((folder / "..").lexically_normal(), true);
  return declare<qwen3::TextEncoder>(config, call.text_encoder_out_layers);
}

} // namespace

std::vector<models::WeightsComponent> klein_weights() {
  return {
      {.name = "text_encoder", .declare = declare_text_encoder},
      {.name = "transformer", .declare = declare_transformer},
      {.name = "vae", .declare = declare_vae}};
}

} // namespace mflux::flux2
