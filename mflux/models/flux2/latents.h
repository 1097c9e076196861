#pragma once

#include "mflux/capture/taps.h"
#include "mflux/vae/flux2/autoencoder.h"

namespace mflux::flux2 {

/// Image in [-1, 1] [batch, height, width, channels] → tokens [batch, h·w, 4·latent channels], as
/// Flux2KleinPipeline encodes a reference image. Checkpoints: vae.encode…, latents_patchified,
/// latents_normalised, latents_packed.
mx::array encode_image(
    const AutoencoderKLFlux2& vae, const mx::array& image, const capture::Taps& taps);

/// Tokens of h rows and w columns → latents [batch, 2h, 2w, latent channels], as after the
/// pipeline's denoising loop. Checkpoints: latents_unpacked, latents_scaled, latents_unpatchified.
mx::array tokens_to_latents(
    const AutoencoderKLFlux2& vae,
    const mx::array& tokens,
    int h,
    int w,
    const capture::Taps& taps);

/// The decoded image in [0, 1]. Checkpoints: tokens_to_latents', vae.decode…, decoded, image.
struct DecodedImage {
  mx::array decoded, image; ///< [batch, height, width, channels], before and after the clamp
};
DecodedImage decode_tokens(
    const AutoencoderKLFlux2& vae,
    const mx::array& tokens,
    int h,
    int w,
    const capture::Taps& taps);

} // namespace mflux::flux2
