#include "mflux/nn/rotary_half.h"

namespace mflux::nn {

mx::array rotate_halves(const mx::array& x, const mx::array& cos, const mx::array& sin) {
  const auto wide = mx::astype(x, mx::float32);
  const auto halves = mx::split(wide, 2, -1);
  const auto turned = mx::concatenate({mx::negative(halves[1]), halves[0]}, -1);
  const auto of_heads = [](const mx::array& table) {
    return mx::expand_dims(mx::astype(table, mx::float32), 2);
  };
  const auto y = mx::add(mx::multiply(wide, of_heads(cos)), mx::multiply(turned, of_heads(sin)));
  return mx::astype(y, x.dtype());
}

} // namespace mflux::nn
