#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "mflux/nn/conv2d.h"
#include "mflux/vae/kl/decoder.h"
#include "mflux/vae/kl/encoder.h"
#include "mflux/vae/kl/vae_config.h"

namespace mflux::kl {

/// The autoencoder of FLUX.1 and Z-Image. Images and latents are [batch, height, width, channels];
/// latents are as the class gives and takes them, neither scaled nor shifted.
/// Reference: diffusers AutoencoderKL.
struct AutoencoderKL : nn::Module {
  AutoencoderKL(Scope here, const VaeConfig& c) : Module(std::move(here)), config(c) {}

  /// Image in [-1, 1] → the mean of its latents, each side 1/config.scale() (rounded down).
  /// Checkpoints: vae.encode.in, vae.encoder…, vae.quant_conv, vae.encode. Throws Error for an
  /// image of other channels or with a side below config.scale().
  mx::array encode(const mx::array& image) const;

  /// Latents → image, before any clamp. Checkpoints: vae.decode.in, …, vae.decode. Throws Error
  /// for latents of other channels.
  mx::array decode(const mx::array& latents) const;

  VaeConfig config;

  Encoder encoder{at("encoder"), config.encoder()};
  Decoder decoder{at("decoder"), config.decoder()};
  std::optional<nn::Conv2d> quant_conv =
      pointwise(config.use_quant_conv, "quant_conv", 2 * config.latent_channels);
  std::optional<nn::Conv2d> post_quant_conv =
      pointwise(config.use_post_quant_conv, "post_quant_conv", config.latent_channels);

 private:
  std::optional<nn::Conv2d> pointwise(bool present, std::string_view name, int channels) const;
};

/// Loads a diffusers folder (config.json and weights). Modules report to `taps` unless it is null;
/// the component's name there is usually "vae". Throws Error.
AutoencoderKL load_autoencoder(
    const std::filesystem::path& folder,
    mx::Dtype dtype,
    std::shared_ptr<capture::Taps> taps = nullptr);

} // namespace mflux::kl
