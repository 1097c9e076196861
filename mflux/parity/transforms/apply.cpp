#include <fmt/format.h>

#include "mflux/base/error.h"
#include "mflux/parity/transforms/arithmetic.h"
#include "mflux/parity/transforms/layout.h"
#include "mflux/parity/transforms/transform.h"

namespace mflux::parity {
namespace {

using artifacts::Tensor;

struct Applier {
  const Tensor& x;

  Tensor operator()(const Permute& t) const {
    return permuted(x, t.axes);
  }
  Tensor operator()(const Transpose& t) const {
    return transposed(x, t.a, t.b);
  }
  Tensor operator()(const Reshape& t) const {
    return reshaped(x, t.shape);
  }
  Tensor operator()(const Flip& t) const {
    return flipped(x, t.axis);
  }
  Tensor operator()(const Roll& t) const {
    return rolled(x, t.axis, t.shift);
  }
  Tensor operator()(const Slice& t) const {
    return sliced(x, t);
  }
  Tensor operator()(const SwapHalves& t) const {
    return with_swapped_halves(x, t.axis);
  }
  Tensor operator()(const Rope& t) const {
    return with_rope_order(x, t);
  }
  Tensor operator()(const Cast& t) const {
    return cast_there_and_back(x, t.dtype);
  }
  Tensor operator()(const Scale& t) const {
    return scaled_and_shifted(x, t.factor, 0);
  }
  Tensor operator()(const Add& t) const {
    return scaled_and_shifted(x, 1, t.term);
  }
  Tensor operator()(const Negate&) const {
    return scaled_and_shifted(x, -1, 0);
  }
};

} // namespace

Tensor transformed(const Transform& transform, const Tensor& tensor) {
  return with_context(fmt::format("\"{}\"", to_string(transform)), [&] {
    return std::visit(Applier{tensor}, transform);
  });
}

Tensor transformed(const Chain& chain, const Tensor& tensor) {
  Tensor out = tensor;
  for (const auto& transform : chain) {
    out = transformed(transform, out);
  }
  return out;
}

} // namespace mflux::parity
