#include "mflux/parity/metrics/tile.h"

#include <algorithm>
#include <cstring>

#include "mflux/artifacts/small_floats.h"
#include "mflux/parity/metrics/loops.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;

/// A page fault maps its neighbours too, up to a whole large folio of the page cache: at the
/// borders of a window those of the one before, which was given back already.
constexpr size_t kFaultAround = size_t{2} << 20;

/// Smaller tensors leave it to the one among them that crosses into the next such window.
constexpr size_t kSmall = size_t{64} << 10;

Domain domain_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::float64:
    case Dtype::complex128:
      return Domain::real;
    case Dtype::uint64:
      return Domain::natural;
    default:
      return artifacts::is_integral(dtype) ? Domain::integer : Domain::single;
  }
}

template <typename T>
void widen(const std::byte* raw, size_t size, uint64_t* out) {
  for (size_t i = 0; i < size; ++i) {
    T value;
    std::memcpy(&value, raw + i * sizeof value, sizeof value);
    out[i] = static_cast<uint64_t>(static_cast<int64_t>(value));
  }
}

void truths(const std::byte* raw, size_t size, uint64_t* out) {
  for (size_t i = 0; i < size; ++i) {
    out[i] = raw[i] != std::byte{0};
  }
}

/// Whether byte-swapped or not, the elements lie in C order without gaps.
bool is_compact(artifacts::Tensor tensor) {
  tensor.swapped = false;
  return tensor.is_contiguous();
}

} // namespace

TileReader::TileReader(const artifacts::Tensor& tensor)
    : tensor_(tensor),
      domain_(domain_of(tensor.dtype)),
      parts_(artifacts::is_complex(tensor.dtype) ? 2 : 1),
      count_(tensor.count() * parts_),
      plain_(count_ > 0 && tensor.is_contiguous()),
      in_place_(false),
      compact_(is_compact(tensor)) {
  raw_.resize(plain_ ? 0 : static_cast<size_t>(kTile) * sizeof(double));
  if (domain_ == Domain::single) {
    const auto size = artifacts::size_of(tensor.dtype) / static_cast<size_t>(parts_);
    if (size == sizeof(float) && plain_) {
      in_place_ = reinterpret_cast<uintptr_t>(tensor.data().data()) % alignof(float) == 0;
    }
    floats_.resize(in_place_ ? 0 : static_cast<size_t>(kTile));
  } else if (domain_ == Domain::real) {
    doubles_.resize(static_cast<size_t>(kTile));
  } else {
    words_.resize(static_cast<size_t>(kTile));
  }
}

void TileReader::load(int64_t begin, size_t size) {
  size_ = size;
  if (in_place_) {
    singles_ =
        reinterpret_cast<const float*>(tensor_.storage->bytes().data() + tensor_.offset) + begin;
    return;
  }
  singles_ = floats_.data();
  if (plain_) {
    const size_t part = artifacts::size_of(tensor_.dtype) / static_cast<size_t>(parts_);
    const std::byte* first = tensor_.storage->bytes().data() + tensor_.offset;
    convert(first + static_cast<size_t>(begin) * part, size);
    return;
  }
  const auto end = begin + static_cast<int64_t>(size);
  artifacts::copy_elements(tensor_, begin / parts_, end / parts_, raw_.data());
  convert(raw_.data(), size);
}

void TileReader::convert(const std::byte* raw, size_t size) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(raw);
  switch (tensor_.dtype) {
    case Dtype::boolean:
      return truths(raw, size, words_.data());
    case Dtype::uint8:
      return widen<uint8_t>(raw, size, words_.data());
    case Dtype::int8:
      return widen<int8_t>(raw, size, words_.data());
    case Dtype::uint16:
      return widen<uint16_t>(raw, size, words_.data());
    case Dtype::int16:
      return widen<int16_t>(raw, size, words_.data());
    case Dtype::uint32:
      return widen<uint32_t>(raw, size, words_.data());
    case Dtype::int32:
      return widen<int32_t>(raw, size, words_.data());
    case Dtype::float8_e4m3:
      return artifacts::convert_float8_e4m3(bytes, size, floats_.data());
    case Dtype::float8_e5m2:
      return artifacts::convert_float8_e5m2(bytes, size, floats_.data());
    case Dtype::float16:
      return widen_float16(raw, size, floats_.data());
    case Dtype::bfloat16:
      return widen_bfloat16(raw, size, floats_.data());
    case Dtype::float32:
    case Dtype::complex64:
      std::memcpy(floats_.data(), raw, size * sizeof(float));
      return;
    case Dtype::int64:
    case Dtype::uint64:
      std::memcpy(words_.data(), raw, size * sizeof(uint64_t));
      return;
    case Dtype::float64:
    case Dtype::complex128:
      std::memcpy(doubles_.data(), raw, size * sizeof(double));
      return;
  }
}

void TileReader::promote(double* out) const {
  switch (domain_) {
    case Domain::single:
      std::copy_n(singles_, size_, out);
      return;
    case Domain::real:
      std::ranges::copy(reals(), out);
      return;
    case Domain::integer:
      std::ranges::transform(integers(), out, [](int64_t x) { return static_cast<double>(x); });
      return;
    case Domain::natural:
      std::ranges::transform(naturals(), out, [](uint64_t x) { return static_cast<double>(x); });
      return;
  }
}

void TileReader::done_with(int64_t begin, int64_t end) const {
  if (compact_ && begin < end) {
    const size_t size = artifacts::size_of(tensor_.dtype) / static_cast<size_t>(parts_);
    const size_t from = tensor_.offset + static_cast<size_t>(begin) * size;
    const size_t to = tensor_.offset + static_cast<size_t>(end) * size;
    if (tensor_.byte_count() < kSmall && from / kFaultAround == to / kFaultAround) {
      return;
    }
    tensor_.storage->done_with(
        from - std::min(from, kFaultAround),
        std::min(to + kFaultAround, tensor_.storage->bytes().size()));
  }
}

} // namespace mflux::parity
