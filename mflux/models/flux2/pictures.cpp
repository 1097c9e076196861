#include "mflux/models/flux2/pictures.h"

#include "mflux/image/resize.h"
#include "mflux/models/flux2/latents.h"
#include "mflux/models/flux2/references.h"
#include "mflux/pipelines/denoise.h"
#include "mflux/pipelines/image_array.h"

namespace mflux::flux2 {
namespace {

constexpr const char* kImageLatents = "image_latents";

/// The pipeline names only what all pictures together become.
mx::array tokens_of(const Components& parts, const Image& picture, mx::Dtype dtype) {
  return encode_image(parts.vae, mx::astype(to_array(picture), dtype), capture::Taps{});
}

mx::array recorded(const mx::array& tokens, const capture::Taps& taps) {
  const auto seen = taps.record(kImageLatents, tokens, capture::Axes::as_is);
  pipelines::check_finite(seen, kImageLatents);
  return seen;
}

} // namespace

ReferenceTokens encode_references(
    const Components& parts,
    const std::vector<Image>& pictures,
    mx::Dtype dtype,
    const capture::Taps& taps) {
  const int unit = kPatch * parts.vae.config.scale();
  std::vector<mx::array> tokens;
  std::vector<TokenGrid> grids;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const auto size = reference_size(pictures[i], unit, i + 1);
    const auto resized = resize(pictures[i], size.resized_width, size.resized_height);
    tokens.push_back(tokens_of(parts, centre_crop(resized, size.width, size.height), dtype));
    grids.push_back({.columns = size.width / unit, .rows = size.height / unit});
  }
  return {.tokens = recorded(mx::concatenate(tokens, 1), taps), .grids = grids};
}

mx::array encode_start(
    const Components& parts,
    const Image& picture,
    int width,
    int height,
    mx::Dtype dtype,
    const capture::Taps& taps) {
  return recorded(tokens_of(parts, resize(picture, width, height), dtype), taps);
}

} // namespace mflux::flux2
