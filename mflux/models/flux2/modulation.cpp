#include "mflux/models/flux2/modulation.h"

#include "mflux/nn/compute.h"

namespace mflux::flux2 {

mx::array modulate(const mx::array& x, const mx::array& scale, const mx::array& shift) {
  const auto dtype = nn::compute_dtype(x.dtype());
  const auto factor = mx::add(mx::array(1.0f, dtype), mx::astype(scale, dtype));
  const auto y = mx::add(mx::multiply(factor, mx::astype(x, dtype)), mx::astype(shift, dtype));
  return mx::astype(y, x.dtype());
}

mx::array Shift::add_gated(const mx::array& x, const mx::array& y) const {
  const auto dtype = nn::compute_dtype(x.dtype());
  const auto gated = mx::multiply(mx::astype(gate, dtype), mx::astype(y, dtype));
  return mx::astype(mx::add(mx::astype(x, dtype), gated), x.dtype());
}

mx::array Modulation::operator()(const mx::array& temb) const {
  const auto call = this->call();
  return call.out(linear(act_fn(call.in(temb, nn::Axes::as_is))), nn::Axes::as_is);
}

std::vector<Shift> Modulation::split(const mx::array& modulation, int sets) {
  const auto parts = mx::split(mx::expand_dims(modulation, 1), 3 * sets, 2);
  std::vector<Shift> all;
  for (int i = 0; i < 3 * sets; i += 3) {
    all.push_back({.shift = parts[i], .scale = parts[i + 1], .gate = parts[i + 2]});
  }
  return all;
}

} // namespace mflux::flux2
