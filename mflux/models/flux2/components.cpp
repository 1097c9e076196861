#include "mflux/models/flux2/components.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/error.h"
#include "mflux/nn/compute.h"
#include "mflux/weights/scan.h"
#include "mflux/weights/weights.h"

namespace mflux::flux2 {
namespace {

/// What must be equal for one component's output to be the next one's input.
void expect_equal(
    const ModelFolder& model,
    const char* what,
    int64_t got,
    const char* by_what,
    int64_t expected) {
  if (got != expected) {
    throw Error(fmt::format(
        "{}: the components do not fit each other: {} is {}, but {} {}",
        model.path.string(),
        what,
        got,
        by_what,
        expected));
  }
}

void check_fit(const ModelFolder& model, const Components& parts) {
  const auto& transformer = parts.transformer.config;
  const auto& layers = model.call.text_encoder_out_layers;
  const char* by_vae = "the VAE's latents have";
  expect_equal(
      model,
      "the transformer's in_channels",
      transformer.in_channels,
      by_vae,
      model.token_channels());
  expect_equal(
      model,
      "the transformer's number of outputs",
      transformer.proj_channels(),
      by_vae,
      model.token_channels());
  expect_equal(
      model,
      "the transformer's joint_attention_dim",
      transformer.joint_attention_dim,
      "the text encoder's selected layers give",
      static_cast<int64_t>(layers.size()) * parts.text_encoder.config.hidden_size);
}

double bytes_of(const Schema& schema, mx::Dtype dtype) {
  double bytes = 0;
  for (const auto& [name, shape] : schema) {
    double count = static_cast<double>(dtype.size());
    for (const auto extent : shape) {
      count *= extent;
    }
    bytes += count;
  }
  return bytes;
}

} // namespace

qwen3::TextEncoder open_text_encoder(
    const ModelFolder& model, mx::Dtype dtype, const capture::Taps& taps) {
  return qwen3::load_text_encoder(
      model.path / "text_encoder",
      dtype,
      model.call.text_encoder_out_layers,
      taps.component("text_encoder"));
}

Components open_components(const ModelFolder& model, mx::Dtype dtype, const capture::Taps& taps) {
  Components parts{
      .tokenizer = tokenizers::Tokenizer::load(model.path / "tokenizer"),
      .text_encoder = open_text_encoder(model, dtype, taps),
      .transformer =
          load_transformer(model.path / "transformer", dtype, taps.component("transformer")),
      .vae = load_autoencoder(model.path / "vae", dtype, taps.component("vae"))};
  check_fit(model, parts);
  return parts;
}

std::optional<std::string> find_nonfinite_weight(const ModelFolder& model) {
  for (const char* component : {"text_encoder", "transformer", "vae"}) {
    const auto file = weights_file(model.path / component);
    if (const auto found = find_nonfinite(file)) {
      return fmt::format(
          "{}: {} holds NaN or infinity in {} of {} numbers",
          file.string(),
          printable(found->name),
          found->count,
          found->of);
    }
  }
  return std::nullopt;
}

double WeightBytes::peak(bool frees_text_encoder) const {
  return frees_text_encoder ? std::max(text_encoder, others) : text_encoder + others;
}

WeightBytes weight_bytes(const Components& parts, mx::Dtype dtype) {
  const auto text =
      schema_of<qwen3::TextEncoder>(parts.text_encoder.config, parts.text_encoder.wanted);
  const auto transformer = schema_of<Flux2Transformer2DModel>(parts.transformer.config);
  const auto vae = schema_of<kl::AutoencoderKL>(parts.vae.config); // its statistics are nothing
  return {
      .text_encoder = bytes_of(text, dtype),
      .others = bytes_of(transformer, dtype) + bytes_of(vae, dtype)};
}

double activation_bytes(const Components& parts, mx::Dtype dtype, double tokens, double pixels) {
  const auto& transformer = parts.transformer.config;
  const auto& vae = parts.vae.config;
  // a single block's: streams, q, k, v, attention and both halves of the feed-forward
  const double per_token = 8.0 * transformer.dim() + 4.0 * transformer.mlp_dim();
  // measured: a decode at 768² takes about 16 times its widest layer
  const double per_pixel =
      16.0 * std::max(vae.decoder().block_out_channels.front(), vae.block_out_channels.front());
  const auto size = static_cast<double>(nn::compute_dtype(dtype).size());
  return size * std::max(tokens * per_token, pixels * per_pixel);
}

} // namespace mflux::flux2
