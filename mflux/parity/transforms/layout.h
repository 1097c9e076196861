#pragma once

#include "mflux/parity/transforms/transform.h"

namespace mflux::parity {

// Transforms that move elements and change none. Each throws Error when it does not fit.

artifacts::Tensor permuted(const artifacts::Tensor& tensor, const std::vector<int64_t>& axes);
artifacts::Tensor transposed(const artifacts::Tensor& tensor, int64_t a, int64_t b);
artifacts::Tensor reshaped(const artifacts::Tensor& tensor, const artifacts::Shape& shape);
artifacts::Tensor flipped(const artifacts::Tensor& tensor, int64_t axis);
artifacts::Tensor rolled(const artifacts::Tensor& tensor, int64_t axis, int64_t shift);
artifacts::Tensor sliced(const artifacts::Tensor& tensor, const Slice& slice);
artifacts::Tensor with_swapped_halves(const artifacts::Tensor& tensor, int64_t axis);
artifacts::Tensor with_rope_order(const artifacts::Tensor& tensor, const Rope& rope);

} // namespace mflux::parity
