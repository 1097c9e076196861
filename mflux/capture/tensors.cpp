#include "mflux/capture/tensors.h"

#include <memory>

#include "mflux/base/error.h"

namespace mflux::capture {
namespace {

using artifacts::Dtype;

Dtype to_dtype(mx::Dtype dtype) {
  switch (dtype.val()) {
    case mx::Dtype::Val::bool_:
      return Dtype::boolean;
    case mx::Dtype::Val::uint8:
      return Dtype::uint8;
    case mx::Dtype::Val::uint16:
      return Dtype::uint16;
    case mx::Dtype::Val::uint32:
      return Dtype::uint32;
    case mx::Dtype::Val::uint64:
      return Dtype::uint64;
    case mx::Dtype::Val::int8:
      return Dtype::int8;
    case mx::Dtype::Val::int16:
      return Dtype::int16;
    case mx::Dtype::Val::int32:
      return Dtype::int32;
    case mx::Dtype::Val::int64:
      return Dtype::int64;
    case mx::Dtype::Val::float16:
      return Dtype::float16;
    case mx::Dtype::Val::bfloat16:
      return Dtype::bfloat16;
    case mx::Dtype::Val::float32:
      return Dtype::float32;
    case mx::Dtype::Val::float64:
      return Dtype::float64;
    case mx::Dtype::Val::complex64:
      return Dtype::complex64;
  }
  throw Error("an array of unknown type");
}

/// Keeps the array alive for as long as tensors look into it.
class ArrayStorage : public artifacts::Storage {
 public:
  explicit ArrayStorage(mx::array array) : array_(std::move(array)) {
    bytes_ = {reinterpret_cast<const std::byte*>(array_.data<char>()), array_.nbytes()};
  }

 private:
  mx::array array_;
};

} // namespace

artifacts::Tensor to_tensor(const mx::array& array) {
  mx::array plain = mx::contiguous(array);
  plain.eval();
  const Dtype dtype = to_dtype(plain.dtype());
  artifacts::Shape shape(plain.shape().begin(), plain.shape().end());
  auto strides = artifacts::c_strides(dtype, shape);
  return {
      .dtype = dtype,
      .shape = std::move(shape),
      .strides = std::move(strides),
      .storage = std::make_shared<ArrayStorage>(std::move(plain))};
}

mx::array channels_first(const mx::array& array) {
  return mx::moveaxis(array, -1, 1);
}

mx::array channels_last(const mx::array& array) {
  return mx::moveaxis(array, 1, -1);
}

} // namespace mflux::capture
