#include "mflux/nn/fused/swiglu.h"

#include "mflux/nn/compute.h"
#include "mflux/nn/fused/launch.h"

namespace mflux::nn::fused {
namespace {

constexpr int kThreads = 256;

mx::array columns(const Part& part, int width) {
  const auto& x = part.all;
  return mx::slice(x, {0, 0, part.begin}, {x.shape(0), x.shape(1), part.begin + width});
}

mx::array composed(
    const std::optional<mx::array>& first, const Part& gate, const Part& up, int width) {
  const auto type = gate.all.dtype(), dtype = compute_dtype(type);
  const auto x = mx::astype(columns(gate, width), dtype);
  const auto y =
      mx::multiply(mx::multiply(x, mx::sigmoid(x)), mx::astype(columns(up, width), dtype));
  const auto product = mx::astype(y, type);
  return first ? mx::concatenate({*first, product}, 2) : product;
}

bool is_aligned(const Part& part) {
  return part.begin % kVector == 0 && part.all.shape(2) % kVector == 0;
}

} // namespace

mx::array join_swiglu(
    const std::optional<mx::array>& first, const Part& gate, const Part& up, int width) {
  const int first_width = first ? first->shape(2) : 0;
  const auto dtype = gate.all.dtype();
  if (!has_kernels(dtype) || !is_aligned(gate) || !is_aligned(up) || width % kVector != 0 ||
      first_width % kVector != 0 || gate.all.size() == 0) {
    return composed(first, gate, up, width);
  }
  const int batch = gate.all.shape(0), tokens = gate.all.shape(1), joined = first_width + width;
  const int64_t vectors = int64_t{batch} * tokens * joined / kVector;
  return launch(
      {.kernel = "join_swiglu",
       .inputs = {first ? *first : gate.all, gate.all, up.all},
       .shapes = {{batch, tokens, joined}},
       .dtypes = {dtype},
       .scalars =
           {batch * tokens,
            first_width / kVector,
            width / kVector,
            gate.all.shape(2) / kVector,
            gate.begin / kVector,
            up.all.shape(2) / kVector,
            up.begin / kVector},
       .blocks = (vectors + kThreads - 1) / kThreads,
       .threads = kThreads})[0];
}

} // namespace mflux::nn::fused
