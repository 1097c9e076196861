#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>

#include "mflux/nn/conv2d.h"
#include "mflux/vae/flux2/config.h"
#include "mflux/vae/kl/decoder.h"
#include "mflux/vae/kl/encoder.h"

namespace mflux::flux2 {

/// Running statistics by which the pipeline normalises patched latents [batch, height, width,
/// channels]. Reference: the `bn` of diffusers AutoencoderKLFlux2, as Flux2KleinPipeline uses it.
struct LatentNorm : nn::Module {
  LatentNorm(Scope here, int channel_count, double epsilon)
      : Module(std::move(here)), channels(channel_count), eps(static_cast<float>(epsilon)) {}

  /// (x − mean) / √(var + eps)
  mx::array normalise(const mx::array& x) const;
  /// x · √(var + eps) + mean
  mx::array denormalise(const mx::array& x) const;

  int channels;
  float eps;
  mx::array running_mean = parameter("running_mean", {channels});
  mx::array running_var = parameter("running_var", {channels});
};

/// The autoencoder of FLUX.2. Images and latents are [batch, height, width, channels].
/// Reference: diffusers AutoencoderKLFlux2.
struct AutoencoderKLFlux2 : nn::Module {
  AutoencoderKLFlux2(Scope here, const VaeConfig& c) : Module(std::move(here)), config(c) {}

  /// Only training reads it.
  static constexpr std::array kUnusedByDesign{"bn.num_batches_tracked"};

  /// Image in [-1, 1] → the mean of its latents, each side 1/config.scale() (rounded down).
  /// Checkpoints: vae.encode.in, vae.encoder…, vae.quant_conv, vae.encode.
  mx::array encode(const mx::array& image) const;

  /// Latents → image, before any clamp. Checkpoints: vae.decode.in, …, vae.decode.
  mx::array decode(const mx::array& latents) const;

  VaeConfig config;

  kl::Encoder encoder{at("encoder"), config.encoder()};
  kl::Decoder decoder{at("decoder"), config.decoder()};
  std::optional<nn::Conv2d> quant_conv =
      pointwise(config.use_quant_conv, "quant_conv", 2 * config.latent_channels);
  std::optional<nn::Conv2d> post_quant_conv =
      pointwise(config.use_post_quant_conv, "post_quant_conv", config.latent_channels);
  LatentNorm bn{at("bn"), kPatch* kPatch* config.latent_channels, config.batch_norm_eps};

 private:
  std::optional<nn::Conv2d> pointwise(bool present, std::string_view name, int channels) const;
};

/// Loads a diffusers folder (config.json and weights). Modules report to `taps` unless it is null;
/// the component's name there is usually "vae". Throws Error.
AutoencoderKLFlux2 load_autoencoder(
    const std::filesystem::path& folder,
    mx::Dtype dtype,
    std::shared_ptr<capture::Taps> taps = nullptr);

} // namespace mflux::flux2
