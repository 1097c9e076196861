#include "mflux/nn/silu.h"

#include "mflux/nn/compute.h"

namespace mflux::nn {

mx::array silu(const mx::array& x) {
  const auto wide = mx::astype(x, compute_dtype(x.dtype()));
  return mx::astype(mx::multiply(wide, mx::sigmoid(wide)), x.dtype());
}

mx::array SiLU::operator()(const mx::array& input) const {
  const auto call = this->call();
  return call.out(silu(call.in(input, axes)), axes);
}

} // namespace mflux::nn
