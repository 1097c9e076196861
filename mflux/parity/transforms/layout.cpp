#include "mflux/parity/transforms/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "mflux/base/error.h"

namespace mflux::parity {
namespace {

using artifacts::Shape;
using artifacts::Tensor;

size_t axis_of(const Tensor& tensor, int64_t axis) {
  const auto rank = static_cast<int64_t>(tensor.shape.size());
  if (axis < -rank || axis >= rank) {
    throw Error(fmt::format(
        "the tensor of shape {} has no axis {}", artifacts::to_string(tensor.shape), axis));
  }
  return static_cast<size_t>(axis < 0 ? axis + rank : axis);
}

/// The shape with its -1 filled in. Throws Error unless it has `count` elements.
Shape filled(Shape shape, int64_t count, const Shape& from) {
  const auto refuse = [&] {
    throw Error(fmt::format(
        "{} elements of shape {} do not make the shape {}",
        count,
        artifacts::to_string(from),
        artifacts::to_string(shape)));
  };
  const auto open = std::find(shape.begin(), shape.end(), -1);
  if (std::any_of(shape.begin(), shape.end(), [](int64_t n) { return n < -1; }) ||
      std::count(shape.begin(), shape.end(), -1) > 1) {
    throw Error(fmt::format(
        "the shape {} has a negative size; one -1 may stand for what is left",
        artifacts::to_string(shape)));
  }
  if (open != shape.end()) {
    *open = 1;
    const int64_t others = artifacts::element_count(shape);
    *open = -1;
    if (others == 0 || count % others != 0) {
      refuse();
    }
    *open = count / others;
  } else if (artifacts::element_count(shape) != count) {
    refuse();
  }
  return shape;
}

/// A tensor whose axis `axis` is split into `extents`.
Tensor split_axis(const Tensor& tensor, size_t axis, const Shape& extents) {
  Shape shape = tensor.shape;
  const auto at = shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  shape.insert(at, extents.begin(), extents.end());
  Tensor out = tensor;
  int64_t stride = tensor.strides[axis];
  const auto place = out.strides.erase(out.strides.begin() + static_cast<std::ptrdiff_t>(axis));
  std::vector<int64_t> strides(extents.size());
  for (size_t i = extents.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= extents[i];
  }
  out.strides.insert(place, strides.begin(), strides.end());
  out.shape = std::move(shape);
  return out;
}

} // namespace

Tensor permuted(const Tensor& tensor, const std::vector<int64_t>& axes) {
  if (axes.size() != tensor.shape.size()) {
    throw Error(fmt::format(
        "{} axes for the tensor of shape {}", axes.size(), artifacts::to_string(tensor.shape)));
  }
  Tensor out = tensor;
  std::vector<bool> seen(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t from = axis_of(tensor, axes[i]);
    if (seen[from]) {
      throw Error(fmt::format("axis {} stands twice", axes[i]));
    }
    seen[from] = true;
    out.shape[i] = tensor.shape[from];
    out.strides[i] = tensor.strides[from];
  }
  return out;
}

Tensor transposed(const Tensor& tensor, int64_t a, int64_t b) {
  Tensor out = tensor;
  const size_t first = axis_of(tensor, a), second = axis_of(tensor, b);
  std::swap(out.shape[first], out.shape[second]);
  std::swap(out.strides[first], out.strides[second]);
  return out;
}

Tensor reshaped(const Tensor& tensor, const Shape& shape) {
  Shape target = filled(shape, tensor.count(), tensor.shape);
  Tensor out = tensor.contiguous();
  out.strides = artifacts::c_strides(out.dtype, target);
  out.shape = std::move(target);
  return out;
}

Tensor flipped(const Tensor& tensor, int64_t axis) {
  const size_t at = axis_of(tensor, axis);
  Tensor out = tensor;
  if (out.count() > 0) {
    const int64_t last = (out.shape[at] - 1) * out.strides[at];
    out.offset = static_cast<size_t>(static_cast<int64_t>(out.offset) + last);
    out.strides[at] = -out.strides[at];
  }
  return out;
}

Tensor rolled(const Tensor& tensor, int64_t axis, int64_t shift) {
  const size_t at = axis_of(tensor, axis);
  const int64_t extent = tensor.shape[at];
  if (tensor.count() == 0 || shift % extent == 0) {
    return tensor;
  }
  const int64_t inner = std::accumulate(
      tensor.shape.begin() + static_cast<std::ptrdiff_t>(at) + 1,
      tensor.shape.end(),
      int64_t{1},
      std::multiplies<>());
  const int64_t row = extent * inner, front = ((shift % extent + extent) % extent) * inner;
  const auto size = static_cast<int64_t>(size_of(tensor.dtype));
  std::vector<std::byte> bytes(tensor.byte_count());
  for (int64_t begin = 0; begin < tensor.count(); begin += row) {
    std::byte* const out = bytes.data() + begin * size;
    artifacts::copy_elements(tensor, begin + row - front, begin + row, out);
    artifacts::copy_elements(tensor, begin, begin + row - front, out + front * size);
  }
  return artifacts::make_tensor(tensor.dtype, tensor.shape, std::move(bytes));
}

Tensor sliced(const Tensor& tensor, const Slice& slice) {
  const size_t at = axis_of(tensor, slice.axis);
  const int64_t extent = tensor.shape[at];
  const auto from_end = [&](int64_t index) { return index < 0 ? index + extent : index; };
  const int64_t begin = from_end(slice.begin), end = from_end(slice.end.value_or(extent));
  if (slice.begin < -extent || begin >= end || end > extent) {
    throw Error(fmt::format(
        "{}:{} keeps nothing or leaves axis {} of the shape {}",
        slice.begin,
        slice.end ? fmt::to_string(*slice.end) : "",
        slice.axis,
        artifacts::to_string(tensor.shape)));
  }
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const int64_t n : tensor.shape) {
    ranges.emplace_back(0, n);
  }
  ranges[at] = {begin, end};
  Tensor out = tensor.slice(ranges);
  out.shape[at] = (end - begin - 1) / slice.step + 1;
  if (out.shape[at] > 1) {
    out.strides[at] *= slice.step;
  }
  return out;
}

Tensor with_swapped_halves(const Tensor& tensor, int64_t axis) {
  const int64_t extent = tensor.shape[axis_of(tensor, axis)];
  if (extent % 2 != 0) {
    throw Error(fmt::format(
        "axis {} of the shape {} has no two halves", axis, artifacts::to_string(tensor.shape)));
  }
  return rolled(tensor, axis, extent / 2);
}

Tensor with_rope_order(const Tensor& tensor, const Rope& rope) {
  const size_t at = axis_of(tensor, rope.axis);
  const int64_t extent = tensor.shape[at], head = rope.head_dim.value_or(extent);
  if (head < 2 || head % 2 != 0 || extent % head != 0) {
    throw Error(fmt::format(
        "{} elements of axis {} are no heads of {}: expected an even size that divides them",
        extent,
        rope.axis,
        head));
  }
  const bool to_half = rope.to == Pairing::half;
  Tensor split = split_axis(
      tensor, at, to_half ? Shape{extent / head, head / 2, 2} : Shape{extent / head, 2, head / 2});
  const auto inner = static_cast<int64_t>(at) + 1;
  return reshaped(transposed(split, inner, inner + 1), tensor.shape);
}

} // namespace mflux::parity
