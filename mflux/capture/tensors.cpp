#include "mflux/capture/tensors.h"

#include <memory>

#include "mflux/weights/lazy_array.h"

namespace mflux::capture {
namespace {

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
  const auto dtype = tensor_dtype(plain.dtype());
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
