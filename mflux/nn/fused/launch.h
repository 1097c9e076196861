#pragma once

#include <vector>

#include "mlx/mlx.h"

namespace mflux::nn::fused {

namespace mx = mlx::core;

/// Whether arrays of that type are computed by the kernels in cuda/: bfloat16 on an NVIDIA GPU of
/// compute capability 8.0 or later, unless path() is composed.
bool has_kernels(mx::Dtype dtype);

/// A kernel of cuda/, by its name, and how it is started.
struct Launch {
  const char* kernel;
  std::vector<mx::array> inputs; ///< contiguous in rows
  std::vector<mx::Shape> shapes; ///< of the outputs
  std::vector<mx::Dtype> dtypes;
  std::vector<mx::fast::ScalarArg> scalars; ///< follow the arrays
  int64_t blocks;
  int threads; ///< of a block
};

/// The outputs, lazy. For an array that a kernel is told not to look at stands another input: one
/// of zeros would be a kernel of its own. Throws Error for more blocks than a GPU takes.
std::vector<mx::array> launch(const Launch& how);

/// Kernels work on vectors of eight.
constexpr int kVector = 8;

} // namespace mflux::nn::fused
