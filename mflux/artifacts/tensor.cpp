#include "mflux/artifacts/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

/// Walks over the elements of a tensor in C order, in runs of equal stride. Axes that lie without a
/// gap are merged: fewer, longer runs.
class Walk {
 public:
  explicit Walk(const Tensor& tensor) {
    for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
      if (tensor.shape[axis] != 1) {
        append(tensor.shape[axis], tensor.strides[axis]);
      }
    }
    if (extents_.empty()) {
      append(1, static_cast<int64_t>(size_of(tensor.dtype)));
    }
    place_.resize(extents_.size());
  }

  /// Goes to element `index`.
  void seek(int64_t index) {
    position_ = 0;
    for (size_t axis = place_.size(); axis-- > 0;) {
      place_[axis] = index % extents_[axis];
      index /= extents_[axis];
      position_ += place_[axis] * strides_[axis];
    }
  }

  /// Bytes from the tensor's first element to the current one.
  int64_t position() const {
    return position_;
  }

  int64_t stride() const {
    return strides_.back();
  }

  /// Elements from the current one that lie stride() apart.
  int64_t run() const {
    return extents_.back() - place_.back();
  }

  void advance(int64_t count) {
    place_.back() += count;
    position_ += count * strides_.back();
    for (size_t axis = place_.size() - 1; axis > 0 && place_[axis] == extents_[axis]; --axis) {
      position_ += strides_[axis - 1] - place_[axis] * strides_[axis];
      place_[axis] = 0;
      ++place_[axis - 1];
    }
  }

 private:
  void append(int64_t extent, int64_t stride) {
    if (!extents_.empty() && strides_.back() == stride * extent) {
      extents_.back() *= extent;
      strides_.back() = stride;
    } else {
      extents_.push_back(extent);
      strides_.push_back(stride);
    }
  }

  std::vector<int64_t> extents_, strides_, place_;
  int64_t position_ = 0;
};

/// Copies `count` elements of Size bytes that lie `stride` bytes apart.
template <size_t Size>
void gather(const std::byte* from, int64_t stride, int64_t count, std::byte* out) {
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(out + i * static_cast<int64_t>(Size), from + i * stride, Size);
  }
}

void copy_run(const std::byte* from, int64_t stride, int64_t count, size_t size, std::byte* out) {
  if (stride == static_cast<int64_t>(size)) {
    std::memcpy(out, from, static_cast<size_t>(count) * size);
    return;
  }
  switch (size) {
    case 1:
      return gather<1>(from, stride, count, out);
    case 2:
      return gather<2>(from, stride, count, out);
    case 4:
      return gather<4>(from, stride, count, out);
    case 8:
      return gather<8>(from, stride, count, out);
    default:
      return gather<16>(from, stride, count, out);
  }
}

template <typename Unit, Unit (*Swap)(Unit)>
void swap_units(std::byte* bytes, size_t size) {
  for (size_t at = 0; at < size; at += sizeof(Unit)) {
    Unit unit;
    std::memcpy(&unit, bytes + at, sizeof unit);
    unit = Swap(unit);
    std::memcpy(bytes + at, &unit, sizeof unit);
  }
}

uint16_t swap16(uint16_t x) {
  return __builtin_bswap16(x);
}

uint32_t swap32(uint32_t x) {
  return __builtin_bswap32(x);
}

uint64_t swap64(uint64_t x) {
  return __builtin_bswap64(x);
}

/// Turns foreign byte order into native, in place; the two halves of a complex number separately.
void swap_bytes(Dtype dtype, std::byte* bytes, size_t size) {
  const size_t unit = is_complex(dtype) ? size_of(dtype) / 2 : size_of(dtype);
  if (unit == 2) {
    swap_units<uint16_t, swap16>(bytes, size);
  } else if (unit == 4) {
    swap_units<uint32_t, swap32>(bytes, size);
  } else if (unit == 8) {
    swap_units<uint64_t, swap64>(bytes, size);
  }
}

/// Throws unless every element lies inside the storage.
void check_extent(const Tensor& tensor) {
  if (tensor.strides.size() != tensor.shape.size()) {
    throw Error(fmt::format(
        "a tensor of {} axes has {} strides", tensor.shape.size(), tensor.strides.size()));
  }
  const size_t size = tensor.storage ? tensor.storage->bytes().size() : 0;
  int64_t first = 0, last = static_cast<int64_t>(size_of(tensor.dtype));
  bool overflow = false;
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    int64_t reach = 0;
    overflow |= __builtin_mul_overflow(tensor.shape[axis] - 1, tensor.strides[axis], &reach);
    overflow |= __builtin_add_overflow(reach < 0 ? first : last, reach, reach < 0 ? &first : &last);
  }
  if (overflow || tensor.offset > size || first < -static_cast<int64_t>(tensor.offset) ||
      static_cast<uint64_t>(last) > size - tensor.offset) {
    throw Error(fmt::format(
        "a {} tensor of shape {} at byte {} reaches outside its storage of {} bytes",
        name_of(tensor.dtype),
        to_string(tensor.shape),
        tensor.offset,
        size));
  }
}

class Buffer final : public Storage {
 public:
  explicit Buffer(std::vector<std::byte> bytes) : buffer_(std::move(bytes)) {
    bytes_ = buffer_;
  }

 private:
  std::vector<std::byte> buffer_;
};

} // namespace

void Storage::done_with(size_t, size_t) const {}

std::shared_ptr<const Storage> make_storage(std::vector<std::byte> bytes) {
  return std::make_shared<Buffer>(std::move(bytes));
}

int64_t element_count(const Shape& shape) {
  int64_t product = 1;
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0) {
      throw Error(fmt::format("the shape {} has a negative extent", to_string(shape)));
    }
    empty |= extent == 0;
    if (extent != 0 && __builtin_mul_overflow(product, extent, &product)) {
      throw Error(fmt::format("the shape {} has more than 2^63 elements", to_string(shape)));
    }
  }
  return empty ? 0 : product;
}

size_t byte_count(Dtype dtype, const Shape& shape) {
  int64_t bytes = 0;
  if (__builtin_mul_overflow(element_count(shape), static_cast<int64_t>(size_of(dtype)), &bytes)) {
    throw Error(
        fmt::format("{} of shape {} take over 2^63 bytes", name_of(dtype), to_string(shape)));
  }
  return static_cast<size_t>(bytes);
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::vector<int64_t> c_strides(Dtype dtype, const Shape& shape) {
  byte_count(dtype, shape);
  std::vector<int64_t> strides(shape.size());
  auto stride = static_cast<int64_t>(size_of(dtype));
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    if (__builtin_mul_overflow(stride, std::max<int64_t>(shape[axis], 1), &stride)) {
      throw Error(fmt::format("the shape {} takes over 2^63 bytes", to_string(shape)));
    }
  }
  return strides;
}

bool Tensor::is_contiguous() const {
  if (swapped) {
    return false;
  }
  if (count() == 0) {
    return true;
  }
  const auto plain = c_strides(dtype, shape);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != 1 && strides[axis] != plain[axis]) {
      return false;
    }
  }
  return true;
}

Tensor Tensor::contiguous() const {
  if (is_contiguous()) {
    return *this;
  }
  std::vector<std::byte> bytes(byte_count());
  copy_elements(*this, 0, count(), bytes.data());
  return make_tensor(dtype, shape, std::move(bytes));
}

std::span<const std::byte> Tensor::data() const {
  if (!is_contiguous()) {
    throw Error(fmt::format(
        "the {} tensor of shape {} is not contiguous: call contiguous() before data()",
        name_of(dtype),
        to_string(shape)));
  }
  if (count() == 0) {
    return {};
  }
  check_extent(*this);
  return storage->bytes().subspan(offset, byte_count());
}

Tensor Tensor::slice(const std::vector<std::pair<int64_t, int64_t>>& ranges) const {
  if (ranges.size() != shape.size()) {
    throw Error(fmt::format(
        "a slice of {} ranges does not fit the shape {}", ranges.size(), to_string(shape)));
  }
  Tensor out = *this;
  auto start = static_cast<int64_t>(offset);
  for (size_t axis = 0; axis < ranges.size(); ++axis) {
    const int64_t begin = ranges[axis].first, end = ranges[axis].second;
    if (begin < 0 || end < begin || end > shape[axis]) {
      throw Error(fmt::format(
          "the range {}:{} of axis {} does not fit the shape {}",
          begin,
          end,
          axis,
          to_string(shape)));
    }
    out.shape[axis] = end - begin;
    start += end > begin ? begin * strides[axis] : 0;
  }
  if (out.count() > 0) {
    out.offset = static_cast<size_t>(start);
  }
  return out;
}

Tensor make_tensor(Dtype dtype, Shape shape, std::vector<std::byte> bytes) {
  const size_t expected = byte_count(dtype, shape);
  if (bytes.size() != expected) {
    throw Error(fmt::format(
        "{} of shape {} take {} bytes, {} were given",
        name_of(dtype),
        to_string(shape),
        expected,
        bytes.size()));
  }
  auto strides = c_strides(dtype, shape);
  return {dtype, std::move(shape), std::move(strides), false, 0, make_storage(std::move(bytes))};
}

void copy_elements(const Tensor& tensor, int64_t begin, int64_t end, std::byte* out) {
  if (begin < 0 || end < begin || end > tensor.count()) {
    throw Error(
        fmt::format("elements {}:{} do not fit the shape {}", begin, end, to_string(tensor.shape)));
  }
  if (begin == end) {
    return;
  }
  check_extent(tensor);
  const size_t size = size_of(tensor.dtype);
  const std::byte* const from = tensor.storage->bytes().data() + tensor.offset;
  std::byte* const first = out;
  Walk walk(tensor);
  walk.seek(begin);
  for (int64_t left = end - begin; left > 0;) {
    const int64_t run = std::min(left, walk.run());
    copy_run(from + walk.position(), walk.stride(), run, size, out);
    out += static_cast<size_t>(run) * size;
    left -= run;
    walk.advance(run);
  }
  if (tensor.swapped) {
    swap_bytes(tensor.dtype, first, static_cast<size_t>(out - first));
  }
}

} // namespace mflux::artifacts
