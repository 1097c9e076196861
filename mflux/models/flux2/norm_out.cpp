#include "mflux/models/flux2/norm_out.h"

#include "mflux/models/flux2/modulation.h"

namespace mflux::flux2 {

mx::array AdaLayerNormContinuous::operator()(
    const mx::array& input, const mx::array& conditioning_embedding) const {
  const auto call = this->call();
  const auto x = call.in("x", input, nn::Axes::as_is);
  const auto condition = call.in("conditioning_embedding", conditioning_embedding, nn::Axes::as_is);
  const auto chunks = mx::split(mx::expand_dims(linear(silu(condition)), 1), 2, 2);
  return call.out(modulate(norm(x), chunks[0], chunks[1]), nn::Axes::as_is);
}

} // namespace mflux::flux2
