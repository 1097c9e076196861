#include "mflux/models/flux2/feed_forward.h"

#include "mflux/nn/compute.h"

namespace mflux::flux2 {

mx::array SwiGLU::operator()(const mx::array& input) const {
  const auto call = this->call();
  const auto halves = mx::split(call.in(input, nn::Axes::as_is), 2, -1);
  const auto dtype = nn::compute_dtype(input.dtype());
  const auto gate = mx::astype(gate_fn(halves[0]), dtype);
  const auto y = mx::multiply(gate, mx::astype(halves[1], dtype));
  return call.out(mx::astype(y, input.dtype()), nn::Axes::as_is);
}

mx::array FeedForward::operator()(const mx::array& input) const {
  const auto call = this->call();
  const auto y = linear_out(act_fn(linear_in(call.in(input, nn::Axes::as_is))));
  return call.out(y, nn::Axes::as_is);
}

} // namespace mflux::flux2
