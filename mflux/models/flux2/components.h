#pragma once

#include <optional>
#include <string>

#include "mflux/capture/taps.h"
#include "mflux/encoders/qwen3/encoder.h"
#include "mflux/models/flux2/model_folder.h"
#include "mflux/models/flux2/transformer.h"
#include "mflux/tokenizers/tokenizer.h"
#include "mflux/vae/flux2/autoencoder.h"

namespace mflux::flux2 {

/// A klein model: its weights are read from their files when they are first needed.
struct Components {
  tokenizers::Tokenizer tokenizer;
  qwen3::TextEncoder text_encoder;
  Flux2Transformer2DModel transformer;
  AutoencoderKLFlux2 vae;
};

/// Checks every config and every tensor's header, and that the components fit each other. They
/// report to `taps`. Throws Error.
Components open_components(const ModelFolder& model, mx::Dtype dtype, const capture::Taps& taps);

/// One of them, read anew.
qwen3::TextEncoder open_text_encoder(
    const ModelFolder& model, mx::Dtype dtype, const capture::Taps& taps);

/// The first weight that holds NaN or infinity, for people, with its file. Reads every weight.
std::optional<std::string> find_nonfinite_weight(const ModelFolder& model);

/// Bytes that weights take.
struct WeightBytes {
  double text_encoder, others;

  /// At their most: one after the other if the text encoder is freed.
  double peak(bool frees_text_encoder) const;
};

/// What they take as `dtype`.
WeightBytes weight_bytes(const Components& components, mx::Dtype dtype);

/// Bytes of the largest activations, about, of an evaluation with so many tokens in all and of a
/// decode to so many pixels.
double activation_bytes(
    const Components& components, mx::Dtype dtype, double tokens, double pixels);

} // namespace mflux::flux2
