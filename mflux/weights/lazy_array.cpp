#include "mflux/weights/lazy_array.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/weights/device.h"
#include "mflux/weights/device_array.h"
#include "mflux/weights/fill.h"
#include "mlx/primitives.h"

namespace mflux {
namespace {

using artifacts::Dtype;

/// Whether MLX's buffers point to their size, which the elements follow, as in its builds for the
/// CPU alone. There elements that lie elsewhere make a buffer too: MLX asks for its size, and
/// writes over its elements, only where it allocated them.
bool buffers_follow_their_size() {
  static const bool answer = [] {
    for (const size_t bytes : {size_t{64}, size_t{4104}}) {
      const auto data = mx::allocator::malloc(bytes);
      auto buffer = data.buffer();
      size_t size = 0;
      std::memcpy(&size, buffer.ptr(), sizeof size);
      // A buffer that was used before may be larger than what is asked for.
      const bool is_size = size >= bytes && size == mx::allocator::allocator().size(buffer);
      if (buffer.raw_ptr() != static_cast<size_t*>(buffer.ptr()) + 1 || !is_size) {
        return false;
      }
    }
    return true;
  }();
  return answer;
}

/// Has `out` look at the tensor's own memory; false where that cannot be.
bool share(const artifacts::Tensor& tensor, mx::array& out) {
  const auto bytes = tensor.data();
  const size_t alignment = std::max(out.itemsize(), alignof(size_t));
  const bool fits = is_plain(tensor.dtype, out.dtype()) && tensor.offset >= sizeof(size_t) &&
                    reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0 && !bytes.empty();
  if (!fits || !buffers_follow_their_size()) {
    return false;
  }
  auto* start = const_cast<std::byte*>(bytes.data()) - sizeof(size_t);
  out.set_data({mx::allocator::Buffer(start), [keep = tensor.storage](mx::allocator::Buffer) {}});
  return true;
}

class Read : public mx::UnaryPrimitive {
 public:
  Read(mx::Stream stream, std::function<artifacts::Tensor()> read, Memory memory)
      : UnaryPrimitive(stream), read_(std::move(read)), memory_(memory) {}

  void eval_cpu(const std::vector<mx::array>&, mx::array& out) override {
    eval(out);
  }
  void eval_gpu(const std::vector<mx::array>&, mx::array& out) override {
    eval(out);
  }
  const char* name() const override {
    return "Read";
  }

 private:
  void eval(mx::array& out) const {
    const auto tensor = read_().contiguous();
    if (memory_ == Memory::shared && share(tensor, out)) {
      return;
    }
    out.set_data(mx::allocator::malloc(out.nbytes()));
    fill(tensor, out.dtype(), reinterpret_cast<std::byte*>(out.data<char>()));
  }

  std::function<artifacts::Tensor()> read_;
  Memory memory_;
};

} // namespace

mx::Dtype array_dtype(Dtype dtype) {
  switch (dtype) {
    case Dtype::boolean:
      return mx::bool_;
    case Dtype::uint8:
      return mx::uint8;
    case Dtype::int8:
      return mx::int8;
    case Dtype::uint16:
      return mx::uint16;
    case Dtype::int16:
      return mx::int16;
    case Dtype::uint32:
      return mx::uint32;
    case Dtype::int32:
      return mx::int32;
    case Dtype::uint64:
      return mx::uint64;
    case Dtype::int64:
      return mx::int64;
    case Dtype::float16:
      return mx::float16;
    case Dtype::bfloat16:
      return mx::bfloat16;
    case Dtype::float32:
    case Dtype::float64:
      return mx::float32;
    case Dtype::complex64:
      return mx::complex64;
    default:
      throw Error(fmt::format(
          "{} tensors cannot be computed with; convert them to bfloat16 or float32",
          artifacts::name_of(dtype)));
  }
}

Dtype tensor_dtype(mx::Dtype dtype) {
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

mx::Shape array_shape(const artifacts::Shape& shape) {
  mx::Shape out;
  for (const int64_t extent : shape) {
    if (extent > std::numeric_limits<mx::ShapeElem>::max()) {
      throw Error(
          fmt::format("the shape {} is more than MLX can hold", artifacts::to_string(shape)));
    }
    out.push_back(static_cast<mx::ShapeElem>(extent));
  }
  return out;
}

mx::array lazy_array(
    mx::Shape shape, mx::Dtype dtype, std::function<artifacts::Tensor()> read, Memory memory) {
  if (memory == Memory::shared && is_on_cuda()) {
    return device_array(shape, dtype, std::move(read));
  }
  const auto stream = mx::default_stream(mx::default_device());
  return mx::array(
      std::move(shape), dtype, std::make_shared<Read>(stream, std::move(read), memory), {});
}

} // namespace mflux
