#pragma once

#include <functional>

#include "mflux/artifacts/tensor.h"
#include "mlx/mlx.h"

namespace mflux {

namespace mx = mlx::core;

/// The MLX type that holds a file's elements: the same, but float32 for float64, which only MLX's
/// CPU has. Throws Error for the float8 types and complex128.
mx::Dtype array_dtype(artifacts::Dtype dtype);

/// The type of a tensor that holds an array's elements as they are.
artifacts::Dtype tensor_dtype(mx::Dtype dtype);

/// Throws Error for extents that MLX cannot hold.
mx::Shape array_shape(const artifacts::Shape& shape);

/// How an array holds the elements of a tensor.
enum class Memory {
  copied, ///< in memory of its own
  shared, ///< in the tensor's, where dtype, alignment and MLX's backend allow
};

/// An array whose elements are fetched by `read` when it is first evaluated, never if it never is.
/// `dtype` is array_dtype() of the tensor, or another floating-point type that it is rounded to,
/// window by window: the mapped file's pages are given back behind the window. What mx::compile
/// captures should be evaluated before, or it is read at every call.
mx::array lazy_array(
    mx::Shape shape, mx::Dtype dtype, std::function<artifacts::Tensor()> read, Memory memory);

} // namespace mflux
