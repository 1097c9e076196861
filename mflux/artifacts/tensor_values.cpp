#include <fmt/format.h>

#include <cstring>

#include "mflux/artifacts/small_floats.h"
#include "mflux/artifacts/tensor.h"
#include "mflux/base/error.h"

namespace mflux::artifacts {
namespace {

template <typename T>
T bits(const std::byte* element) {
  T value;
  std::memcpy(&value, element, sizeof value);
  return value;
}

double decode(Dtype dtype, const std::byte* element) {
  switch (dtype) {
    case Dtype::boolean:
      return bits<uint8_t>(element) != 0;
    case Dtype::uint8:
      return bits<uint8_t>(element);
    case Dtype::int8:
      return bits<int8_t>(element);
    case Dtype::uint16:
      return bits<uint16_t>(element);
    case Dtype::int16:
      return bits<int16_t>(element);
    case Dtype::uint32:
      return bits<uint32_t>(element);
    case Dtype::int32:
      return bits<int32_t>(element);
    case Dtype::uint64:
      return static_cast<double>(bits<uint64_t>(element));
    case Dtype::int64:
      return static_cast<double>(bits<int64_t>(element));
    case Dtype::float8_e4m3:
      return from_float8_e4m3(bits<uint8_t>(element));
    case Dtype::float8_e5m2:
      return from_float8_e5m2(bits<uint8_t>(element));
    case Dtype::float16:
      return from_float16(bits<uint16_t>(element));
    case Dtype::bfloat16:
      return from_bfloat16(bits<uint16_t>(element));
    case Dtype::float32:
    case Dtype::complex64:
      return bits<float>(element);
    case Dtype::float64:
    case Dtype::complex128:
      return bits<double>(element);
  }
  throw Error(fmt::format("no dtype has the number {}", static_cast<int>(dtype)));
}

} // namespace

double value_at(const Tensor& tensor, int64_t index) {
  std::byte element[16];
  copy_elements(tensor, index, index + 1, element);
  return decode(tensor.dtype, element);
}

} // namespace mflux::artifacts
