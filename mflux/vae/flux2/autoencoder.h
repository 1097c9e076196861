#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <utility>

#include "mflux/vae/flux2/config.h"
#include "mflux/vae/kl/autoencoder.h"

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
struct AutoencoderKLFlux2 : kl::AutoencoderKL {
  AutoencoderKLFlux2(Scope here, const VaeConfig& c)
      : AutoencoderKL(std::move(here), c),
        bn(at("bn"), kPatch * kPatch * c.latent_channels, c.batch_norm_eps) {}

  /// Only training reads it.
  static constexpr std::array kUnusedByDesign{"bn.num_batches_tracked"};

  LatentNorm bn;
};

/// Loads a diffusers folder (config.json and weights). Modules report to `taps` unless it is null;
/// the component's name there is usually "vae". Throws Error.
AutoencoderKLFlux2 load_autoencoder(
    const std::filesystem::path& folder,
    mx::Dtype dtype,
    std::shared_ptr<capture::Taps> taps = nullptr);

} // namespace mflux::flux2
