#pragma once

#include <vector>

#include "mflux/image/pixels.h"
#include "mflux/models/flux2/components.h"
#include "mflux/models/flux2/pos_embed.h"

namespace mflux::flux2 {

/// An edit's reference pictures as the transformer takes them.
struct ReferenceTokens {
  mx::array tokens;             ///< of all pictures, one after the other: [1, tokens, channels]
  std::vector<TokenGrid> grids; ///< of each
};

/// Resizes, crops and encodes, as reference_size() says. Checkpoints: vae.encode…, image_latents.
/// Reference: Flux2KleinPipeline.prepare_image_latents.
ReferenceTokens encode_references(
    const Components& parts,
    const std::vector<Image>& pictures,
    mx::Dtype dtype,
    const capture::Taps& taps);

/// The picture that image to image starts from, at another size (LANCZOS), as tokens [1, tokens,
/// channels]. Checkpoints: vae.encode…, image_latents.
mx::array encode_start(
    const Components& parts,
    const Image& picture,
    int width,
    int height,
    mx::Dtype dtype,
    const capture::Taps& taps);

} // namespace mflux::flux2
