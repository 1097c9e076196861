#include "mflux/nn/fused/add_norm.h"

#include "mflux/nn/compute.h"
#include "mflux/nn/fused/launch.h"

namespace mflux::nn::fused {
namespace {

constexpr int kWarp = 32, kMostThreads = 1024;

/// Of a block that works on a row; 0 when a row is too long or no multiple of eight.
int row_threads(int dim) {
  const int threads = (dim / kVector + kWarp - 1) / kWarp * kWarp;
  return dim % kVector == 0 && threads <= kMostThreads ? threads : 0;
}

/// dim columns of [batch, width] as [batch, 1, dim], in the type of computation.
mx::array columns(const mx::array& all, int begin, int dim, mx::Dtype dtype) {
  const auto some = mx::slice(all, {0, begin}, {all.shape(0), begin + dim});
  return mx::astype(mx::expand_dims(some, 1), dtype);
}

/// Vectors from one sample's modulation to the next one's; all samples may share one.
int sample_stride(const mx::array& all) {
  return all.shape(0) == 1 ? 0 : all.shape(1) / kVector;
}

Normed composed(
    const mx::array& x, const std::optional<Gated>& added, const Columns& modulation, float eps) {
  const int dim = x.shape(2);
  const auto sum = settled(x, added);
  const auto normed =
      mx::fast::layer_norm(mx::astype(sum, mx::float32), std::nullopt, std::nullopt, eps);
  const auto factor =
      mx::add(mx::array(1.0f), columns(modulation.all, modulation.scale, dim, mx::float32));
  const auto shift = columns(modulation.all, modulation.shift, dim, mx::float32);
  return {
      .sum = sum, .normed = mx::astype(mx::add(mx::multiply(factor, normed), shift), x.dtype())};
}

} // namespace

mx::array settled(const mx::array& x, const std::optional<Gated>& added) {
  if (!added) {
    return x;
  }
  const auto dtype = compute_dtype(x.dtype());
  const auto gate = columns(added->all, added->gate, x.shape(2), dtype);
  const auto gated = mx::multiply(gate, mx::astype(added->y, dtype));
  return mx::astype(mx::add(mx::astype(x, dtype), gated), x.dtype());
}

Normed add_layer_norm_modulate(
    const mx::array& x, const std::optional<Gated>& added, const Columns& modulation, float eps) {
  const int dim = x.shape(2), threads = row_threads(dim);
  const bool aligned =
      modulation.shift % kVector == 0 && modulation.scale % kVector == 0 &&
      modulation.all.shape(1) % kVector == 0 &&
      (!added || (added->gate % kVector == 0 && added->all.shape(1) % kVector == 0));
  if (!has_kernels(x.dtype()) || threads == 0 || !aligned || x.size() == 0) {
    return composed(x, added, modulation, eps);
  }
  const auto out = launch(
      {.kernel = "add_layer_norm_modulate",
       .inputs = {x, added ? added->y : x, added ? added->all : x, modulation.all},
       .shapes = {added ? x.shape() : mx::Shape{kVector}, x.shape()},
       .dtypes = {x.dtype(), x.dtype()},
       .scalars =
           {dim / kVector,
            x.shape(1),
            added ? sample_stride(added->all) : 0,
            added ? added->gate / kVector : 0,
            sample_stride(modulation.all),
            modulation.shift / kVector,
            modulation.scale / kVector,
            eps,
            added ? 1 : 0},
       .blocks = int64_t{x.shape(0)} * x.shape(1),
       .threads = threads});
  return {.sum = added ? out[0] : x, .normed = out[1]};
}

Normed add_rms_norm(
    const mx::array& x, const std::optional<mx::array>& y, const mx::array& weight, float eps) {
  const int dim = x.shape(2), threads = row_threads(dim);
  if (!has_kernels(x.dtype()) || threads == 0 || x.size() == 0) {
    const auto sum = y ? mx::add(x, *y) : x;
    return {.sum = sum, .normed = mx::fast::rms_norm(sum, weight, eps)};
  }
  const auto out = launch(
      {.kernel = "add_rms_norm",
       .inputs = {x, y.value_or(x), weight},
       .shapes = {y ? x.shape() : mx::Shape{kVector}, x.shape()},
       .dtypes = {x.dtype(), x.dtype()},
       .scalars = {dim / kVector, eps, y ? 1 : 0},
       .blocks = int64_t{x.shape(0)} * x.shape(1),
       .threads = threads});
  return {.sum = y ? out[0] : x, .normed = out[1]};
}

} // namespace mflux::nn::fused
