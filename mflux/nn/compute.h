#pragma once

#include "mlx/mlx.h"

namespace mflux::nn {

namespace mx = mlx::core;

/// The type in which an operation on `dtype` computes. The CPU widens the half types to float32 and
/// rounds each operation's output once: its half-precision products are slow and round often. A GPU
/// computes in the type itself.
inline mx::Dtype compute_dtype(mx::Dtype dtype) {
  const bool half = dtype == mx::bfloat16 || dtype == mx::float16;
  return half && mx::default_device() == mx::Device::cpu ? mx::float32 : dtype;
}

} // namespace mflux::nn
