#include "mflux/models/flux2/latents.h"

#include "mflux/pipelines/image_array.h"
#include "mflux/vae/flux2/latents.h"

namespace mflux::flux2 {

using capture::Axes;

mx::array encode_image(
    const AutoencoderKLFlux2& vae, const mx::array& image, const capture::Taps& taps) {
  const auto patches =
      taps.record("latents_patchified", patchify(vae.encode(image)), Axes::channels_last);
  const auto normalised =
      taps.record("latents_normalised", vae.bn.normalise(patches), Axes::channels_last);
  return taps.record("latents_packed", pack(normalised), Axes::as_is);
}

mx::array tokens_to_latents(
    const AutoencoderKLFlux2& vae,
    const mx::array& tokens,
    int h,
    int w,
    const capture::Taps& taps) {
  const auto unpacked = taps.record("latents_unpacked", unpack(tokens, h, w), Axes::channels_last);
  const auto scaled =
      taps.record("latents_scaled", vae.bn.denormalise(unpacked), Axes::channels_last);
  return taps.record("latents_unpatchified", unpatchify(scaled), Axes::channels_last);
}

DecodedImage decode_tokens(
    const AutoencoderKLFlux2& vae,
    const mx::array& tokens,
    int h,
    int w,
    const capture::Taps& taps) {
  const auto latents = tokens_to_latents(vae, tokens, h, w, taps);
  const auto decoded = taps.record("decoded", vae.decode(latents), Axes::channels_last);
  return {
      .decoded = decoded,
      .image = taps.record("image", to_unit_range(decoded), Axes::channels_last)};
}

} // namespace mflux::flux2
