#include "mflux/parity/transforms/arithmetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "mflux/base/error.h"
#include "mflux/parity/metrics/precision.h"
#include "mflux/parity/metrics/tile.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::Tensor;

double largest_of(Dtype floating) {
  switch (floating) {
    case Dtype::float8_e4m3:
      return 448;
    case Dtype::float8_e5m2:
      return 57344;
    case Dtype::float16:
      return 65504;
    case Dtype::bfloat16:
      return 0x1.fep127;
    default:
      return std::numeric_limits<float>::max();
  }
}

/// To nearest even on the numbers of a narrow floating dtype.
double on_lattice(double value, Dtype floating) {
  if (!std::isfinite(value) || value == 0) {
    return std::isinf(value) && floating == Dtype::float8_e4m3
               ? std::numeric_limits<double>::quiet_NaN()
               : value;
  }
  const Lattice lattice = lattice_of(floating);
  const int exponent = std::max(std::ilogb(value), lattice.min_exponent) - lattice.fraction_bits;
  const double nearest = std::ldexp(std::nearbyint(std::ldexp(value, -exponent)), exponent);
  if (std::abs(nearest) <= largest_of(floating)) {
    return nearest;
  }
  return floating == Dtype::float8_e4m3
             ? std::numeric_limits<double>::quiet_NaN()
             : std::copysign(std::numeric_limits<double>::infinity(), value);
}

/// The bounds of an integer dtype: lowest, and the first that is too large.
std::pair<double, double> bounds_of(Dtype integer) {
  const int bits = static_cast<int>(8 * size_of(integer));
  const bool is_signed = integer == Dtype::int8 || integer == Dtype::int16 ||
                         integer == Dtype::int32 || integer == Dtype::int64;
  return is_signed ? std::pair(-std::ldexp(1, bits - 1), std::ldexp(1, bits - 1))
                   : std::pair(0.0, std::ldexp(1, bits));
}

double truncated(double value, Dtype integer) {
  const auto [lowest, beyond] = bounds_of(integer);
  const double whole = std::trunc(value);
  if (!(whole >= lowest && whole < beyond)) {
    throw Error(fmt::format("{} cannot hold {}", name_of(integer), value));
  }
  return whole + 0.0; // no -0
}

/// The bits of a number that a floating dtype of at most 16 bits holds exactly.
uint16_t bits_of(double value, Dtype floating) {
  const Lattice lattice = lattice_of(floating);
  const int fraction = lattice.fraction_bits, width = static_cast<int>(8 * size_of(floating));
  const int sign = std::signbit(value) ? 1 << (width - 1) : 0;
  const int ones = (1 << (width - 1)) - 1, infinity = ones >> fraction << fraction;
  if (!std::isfinite(value)) {
    return static_cast<uint16_t>(sign | (std::isnan(value) ? ones : infinity));
  }
  const double magnitude = std::abs(value);
  if (magnitude < std::ldexp(1, lattice.min_exponent)) {
    return static_cast<uint16_t>(
        sign | static_cast<int>(std::ldexp(magnitude, fraction - lattice.min_exponent)));
  }
  const int exponent = std::ilogb(magnitude);
  const int digits = static_cast<int>(std::ldexp(magnitude, fraction - exponent));
  return static_cast<uint16_t>(sign + ((exponent - lattice.min_exponent) << fraction) + digits);
}

/// Writes numbers that were rounded to its dtype.
class Output {
 public:
  Output(Dtype dtype, artifacts::Shape shape)
      : shape_(std::move(shape)), dtype_(dtype), bytes_(artifacts::byte_count(dtype_, shape_)) {}

  void add(double value) {
    switch (dtype_) {
      case Dtype::boolean:
      case Dtype::uint8:
        return put(static_cast<uint8_t>(value));
      case Dtype::int8:
        return put(static_cast<int8_t>(value));
      case Dtype::uint16:
        return put(static_cast<uint16_t>(value));
      case Dtype::int16:
        return put(static_cast<int16_t>(value));
      case Dtype::uint32:
        return put(static_cast<uint32_t>(value));
      case Dtype::int32:
        return put(static_cast<int32_t>(value));
      case Dtype::uint64:
        return put(static_cast<uint64_t>(value));
      case Dtype::int64:
        return put(static_cast<int64_t>(value));
      case Dtype::float8_e4m3:
      case Dtype::float8_e5m2:
        return put(static_cast<uint8_t>(bits_of(value, dtype_)));
      case Dtype::float16:
      case Dtype::bfloat16:
        return put(bits_of(value, dtype_));
      case Dtype::float32:
      case Dtype::complex64:
        return put(static_cast<float>(value));
      case Dtype::float64:
      case Dtype::complex128:
        return put(value);
    }
  }

  Tensor take() && {
    return artifacts::make_tensor(dtype_, std::move(shape_), std::move(bytes_));
  }

 private:
  template <typename T>
  void put(T value) {
    std::memcpy(bytes_.data() + at_, &value, sizeof value);
    at_ += sizeof value;
  }

  artifacts::Shape shape_;
  Dtype dtype_;
  std::vector<std::byte> bytes_;
  size_t at_ = 0;
};

/// `change` of every number, as `dtype`; both parts of complex ones.
template <typename Change>
Tensor mapped(const Tensor& tensor, Dtype dtype, Change&& change) {
  Output out(dtype, tensor.shape);
  TileReader reader(tensor);
  std::vector<double> values(static_cast<size_t>(kTile));
  for (int64_t at = 0; at < reader.count(); at += kTile) {
    const auto size = static_cast<size_t>(std::min(kTile, reader.count() - at));
    reader.load(at, size);
    reader.promote(values.data());
    for (size_t i = 0; i < size; ++i) {
      out.add(change(values[i]));
    }
  }
  return std::move(out).take();
}

/// What one number of the tensor is stored as.
Dtype part_of(Dtype dtype) {
  return dtype == Dtype::complex64 ? Dtype::float32 : is_complex(dtype) ? Dtype::float64 : dtype;
}

void refuse_complex(const Tensor& tensor) {
  if (is_complex(tensor.dtype)) {
    throw Error(fmt::format("it does not apply to {}", name_of(tensor.dtype)));
  }
}

} // namespace

double rounded(double value, Dtype dtype) {
  switch (dtype) {
    case Dtype::boolean:
      return value != 0;
    case Dtype::float64:
      return value;
    case Dtype::float32:
      return static_cast<float>(value);
    case Dtype::bfloat16:
      return on_lattice(static_cast<float>(value), dtype);
    default:
      return is_floating(dtype) ? on_lattice(value, dtype) : truncated(value, dtype);
  }
}

Tensor scaled_and_shifted(const Tensor& tensor, double factor, double term) {
  if (term != 0) {
    refuse_complex(tensor);
  }
  const Dtype dtype = is_integral(tensor.dtype) ? Dtype::float64 : tensor.dtype;
  const Dtype part = part_of(dtype);
  return mapped(tensor, dtype, [&](double value) { return rounded(value * factor + term, part); });
}

Tensor cast_there_and_back(const Tensor& tensor, Dtype dtype) {
  refuse_complex(tensor);
  return mapped(tensor, tensor.dtype, [&](double value) {
    return rounded(rounded(value, dtype), tensor.dtype);
  });
}

} // namespace mflux::parity
