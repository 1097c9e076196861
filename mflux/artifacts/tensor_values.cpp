#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

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

/// A binary floating number of 1 sign bit, `exponent_bits` and `fraction_bits`, with subnormals;
/// the highest exponent means infinity or NaN.
double small_float(uint32_t raw, int exponent_bits, int fraction_bits) {
  const uint32_t fraction = raw & ((1u << fraction_bits) - 1);
  const uint32_t top = (1u << exponent_bits) - 1;
  const uint32_t exponent = raw >> fraction_bits & top;
  const int bias = static_cast<int>(top >> 1);
  double value = 0;
  if (exponent == top) {
    value = fraction ? NAN : INFINITY;
  } else if (exponent == 0) {
    value = std::ldexp(fraction, 1 - bias - fraction_bits);
  } else {
    const auto significand = static_cast<double>(fraction | 1u << fraction_bits);
    value = std::ldexp(significand, static_cast<int>(exponent) - bias - fraction_bits);
  }
  return raw >> (exponent_bits + fraction_bits) & 1 ? -value : value;
}

/// float8_e4m3fn: the highest exponent holds ordinary numbers up to 448; only 0x7f and 0xff are
/// NaN.
double float8_e4m3(uint8_t raw) {
  if ((raw & 0x7f) == 0x7f) {
    return NAN;
  }
  if ((raw & 0x78) == 0x78) {
    const double value = std::ldexp(8 + (raw & 7), 5);
    return raw & 0x80 ? -value : value;
  }
  return small_float(raw, 4, 3);
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
      return float8_e4m3(bits<uint8_t>(element));
    case Dtype::float8_e5m2:
      return small_float(bits<uint8_t>(element), 5, 2);
    case Dtype::float16:
      return small_float(bits<uint16_t>(element), 5, 10);
    case Dtype::bfloat16:
      return std::bit_cast<float>(static_cast<uint32_t>(bits<uint16_t>(element)) << 16);
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
