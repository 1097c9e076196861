#pragma once

#include <cstdint>
#include <vector>

#include "mflux/artifacts/tensor.h"

namespace mflux::parity {

/// A tensor's values in double precision, C order; a complex one has a last axis of 2.
struct Field {
  artifacts::Shape shape;
  std::vector<double> values;

  int64_t count() const {
    return static_cast<int64_t>(values.size());
  }

  int64_t rank() const {
    return static_cast<int64_t>(shape.size());
  }

  /// Of the last axis; 1 for a scalar.
  int64_t width() const {
    return shape.empty() ? 1 : shape.back();
  }
};

/// Reads any tensor. Memory: 8 bytes an element.
Field field_of(const artifacts::Tensor& tensor);

/// A float64 tensor of the same values, for the transforms of transforms/transform.h.
artifacts::Tensor tensor_of(const Field& field);

/// The same values under another shape of as many elements.
Field reshaped(Field field, artifacts::Shape shape);

/// The axes in another order: NumPy's transpose(axes).
Field permuted(const Field& field, const std::vector<int64_t>& axes);

/// ‖a − b‖ / ‖b‖ of two fields of equal count; 0 when both are zero, infinite when only b is.
double relative_error(const Field& a, const Field& b);

/// <a, b> / (‖a‖ ‖b‖) of two fields of equal count; 0 when one is zero.
double cosine(const Field& a, const Field& b);

} // namespace mflux::parity
