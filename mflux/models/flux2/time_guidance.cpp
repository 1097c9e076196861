#include "mflux/models/flux2/time_guidance.h"

namespace mflux::flux2 {

mx::array TimestepGuidanceEmbeddings::operator()(
    const mx::array& timestep, const std::optional<mx::array>& guidance) const {
  const auto call = this->call();
  const auto time = guidance ? call.in("timestep", timestep, nn::Axes::as_is)
                             : call.in(timestep, nn::Axes::as_is);
  std::optional<mx::array> scale;
  if (guidance) {
    scale = call.in("guidance", *guidance, nn::Axes::as_is);
  }
  auto embedding = timestep_embedder(mx::astype(time_proj(time), time.dtype()));
  if (scale && guidance_embedder) {
    const auto added = (*guidance_embedder)(mx::astype(time_proj(*scale), scale->dtype()));
    embedding = mx::add(embedding, added);
  }
  return call.out(embedding, nn::Axes::as_is);
}

} // namespace mflux::flux2
