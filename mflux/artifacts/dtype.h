#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mflux::artifacts {

/// Element types that artifacts hold. Names are NumPy's (and torch's without "torch.").
enum class Dtype : uint8_t {
  boolean,
  uint8,
  int8,
  uint16,
  int16,
  uint32,
  int32,
  uint64,
  int64,
  float8_e4m3, ///< torch.float8_e4m3fn: no infinities
  float8_e5m2,
  float16,
  bfloat16,
  float32,
  float64,
  complex64,
  complex128,
};

/// Bytes of one element.
size_t size_of(Dtype dtype);

/// "bool", "uint8", …, "float8_e4m3", "bfloat16", "complex64".
std::string_view name_of(Dtype dtype);

/// The dtype of that name_of(); nothing for any other name.
std::optional<Dtype> dtype_named(std::string_view name);

bool is_floating(Dtype dtype);
bool is_complex(Dtype dtype);
/// Integers and booleans.
bool is_integral(Dtype dtype);

} // namespace mflux::artifacts
