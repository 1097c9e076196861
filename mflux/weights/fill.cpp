#include "mflux/weights/fill.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/weights/lazy_array.h"

namespace mflux {
namespace {

using artifacts::Dtype;

constexpr size_t kWindow = size_t{1} << 20; ///< bytes of the source
constexpr size_t kMostThreads = 4;

template <typename From, typename To>
void convert(const std::byte* from, size_t count, To* to) {
  for (size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + i * sizeof(From), sizeof(From));
    to[i] = static_cast<To>(static_cast<float>(value));
  }
}

template <typename To>
void convert_from(Dtype dtype, const std::byte* from, size_t count, To* to) {
  switch (dtype) {
    case Dtype::float16:
      return convert<mx::float16_t>(from, count, to);
    case Dtype::bfloat16:
      return convert<mx::bfloat16_t>(from, count, to);
    case Dtype::float32:
      return convert<float>(from, count, to);
    case Dtype::float64:
      return convert<double>(from, count, to);
    default:
      throw Error(fmt::format("{} is not converted", artifacts::name_of(dtype)));
  }
}

void convert_window(
    Dtype from_dtype, const std::byte* from, size_t count, mx::Dtype to_dtype, std::byte* to) {
  switch (to_dtype.val()) {
    case mx::Dtype::Val::float16:
      return convert_from(from_dtype, from, count, reinterpret_cast<mx::float16_t*>(to));
    case mx::Dtype::Val::bfloat16:
      return convert_from(from_dtype, from, count, reinterpret_cast<mx::bfloat16_t*>(to));
    case mx::Dtype::Val::float32:
      return convert_from(from_dtype, from, count, reinterpret_cast<float*>(to));
    default:
      throw Error("floating-point tensors are read as float32, bfloat16 or float16");
  }
}

/// Elements `begin` to `end`, window by window.
void fill_part(
    const artifacts::Tensor& tensor, mx::Dtype dtype, size_t begin, size_t end, std::byte* to) {
  const auto from = tensor.data();
  const size_t size = artifacts::size_of(tensor.dtype), step = kWindow / size;
  const bool plain = is_plain(tensor.dtype, dtype);
  for (size_t i = begin; i < end; i += step) {
    const size_t n = std::min(step, end - i);
    if (plain) {
      std::memcpy(to + i * size, from.data() + i * size, n * size);
    } else {
      convert_window(tensor.dtype, from.data() + i * size, n, dtype, to + i * mx::size_of(dtype));
    }
    tensor.storage->done_with(tensor.offset + i * size, tensor.offset + (i + n) * size);
  }
}

} // namespace

bool is_plain(Dtype file, mx::Dtype dtype) {
  return file != Dtype::float64 && array_dtype(file) == dtype;
}

void fill(const artifacts::Tensor& tensor, mx::Dtype dtype, std::byte* to) {
  const size_t size = artifacts::size_of(tensor.dtype), count = tensor.data().size() / size;
  const size_t windows = (count * size + kWindow - 1) / kWindow;
  const size_t threads = std::min(kMostThreads, windows);
  const size_t share = threads == 0 ? 0 : (windows + threads - 1) / threads * (kWindow / size);
  std::vector<std::future<void>> others;
  for (size_t i = 1; i < threads; ++i) {
    others.push_back(std::async(std::launch::async, [=, &tensor] {
      fill_part(tensor, dtype, std::min(i * share, count), std::min((i + 1) * share, count), to);
    }));
  }
  fill_part(tensor, dtype, 0, std::min(share, count), to);
  for (auto& other : others) {
    other.get();
  }
}

} // namespace mflux
