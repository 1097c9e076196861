#pragma once

#include <cstddef>

#include "mflux/artifacts/tensor.h"
#include "mlx/mlx.h"

namespace mflux {

namespace mx = mlx::core;

/// Whether an array of `dtype` holds elements as the file has them.
bool is_plain(artifacts::Dtype file, mx::Dtype dtype);

/// Writes a contiguous tensor's elements as `dtype` (theirs, or a floating-point type that they are
/// rounded to), window by window, a large tensor on several threads; the mapped file's pages are
/// given back behind.
void fill(const artifacts::Tensor& tensor, mx::Dtype dtype, std::byte* to);

} // namespace mflux
