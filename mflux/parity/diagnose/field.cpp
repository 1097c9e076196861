#include "mflux/parity/diagnose/field.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "mflux/base/error.h"
#include "mflux/parity/transforms/layout.h"

namespace mflux::parity {

using artifacts::Dtype;
using artifacts::Shape;
using artifacts::Tensor;

namespace {

/// The imaginary parts beside the real ones, as pairs.
std::vector<double> pairs_of(const Tensor& tensor) {
  const Tensor plain = tensor.contiguous();
  const auto bytes = plain.data();
  std::vector<double> out(2 * static_cast<size_t>(tensor.count()));
  if (tensor.dtype == Dtype::complex128) {
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
  for (size_t i = 0; i < out.size(); ++i) {
    float part;
    std::memcpy(&part, bytes.data() + i * sizeof part, sizeof part);
    out[i] = part;
  }
  return out;
}

std::vector<double> reals_of(const Tensor& tensor) {
  const Tensor plain = tensor.contiguous();
  std::vector<double> out(static_cast<size_t>(tensor.count()));
  if (tensor.dtype == Dtype::float32) {
    const auto bytes = plain.data();
    for (size_t i = 0; i < out.size(); ++i) {
      float value;
      std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
      out[i] = value;
    }
    return out;
  }
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = artifacts::value_at(plain, static_cast<int64_t>(i));
  }
  return out;
}

} // namespace

Field field_of(const Tensor& tensor) {
  Field field{tensor.shape, {}};
  if (artifacts::is_complex(tensor.dtype)) {
    field.shape.push_back(2);
    field.values = pairs_of(tensor);
  } else {
    field.values = reals_of(tensor);
  }
  return field;
}

Tensor tensor_of(const Field& field) {
  std::vector<std::byte> bytes(field.values.size() * sizeof(double));
  if (!bytes.empty()) {
    std::memcpy(bytes.data(), field.values.data(), bytes.size());
  }
  return artifacts::make_tensor(Dtype::float64, field.shape, std::move(bytes));
}

Field reshaped(Field field, Shape shape) {
  if (artifacts::element_count(shape) != field.count()) {
    throw Error("a field keeps its number of elements");
  }
  field.shape = std::move(shape);
  return field;
}

Field permuted(const Field& field, const std::vector<int64_t>& axes) {
  return field_of(permuted(tensor_of(field), axes));
}

double relative_error(const Field& a, const Field& b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < b.values.size(); ++i) {
    const double d = a.values[i] - b.values[i];
    difference += d * d;
    norm += b.values[i] * b.values[i];
  }
  if (norm == 0) {
    return difference == 0 ? 0 : std::numeric_limits<double>::infinity();
  }
  return std::sqrt(difference / norm);
}

double cosine(const Field& a, const Field& b) {
  double product = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    product += a.values[i] * b.values[i];
    aa += a.values[i] * a.values[i];
    bb += b.values[i] * b.values[i];
  }
  return aa > 0 && bb > 0 ? product / std::sqrt(aa * bb) : 0;
}

} // namespace mflux::parity
