#include "mflux/nn/silu.h"

#include "mflux/nn/compute.h"

namespace mflux::nn {

mx::array SiLU::operator()(const mx::array& input) const {
  const auto call = this->call();
  const auto x = mx::astype(call.in(input, axes), compute_dtype(input.dtype()));
  return call.out(mx::astype(mx::multiply(x, mx::sigmoid(x)), input.dtype()), axes);
}

} // namespace mflux::nn
