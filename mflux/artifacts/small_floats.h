#pragma once

#include <cstddef>
#include <cstdint>

namespace mflux::artifacts {

/// Conversions to float from the numbers' bits; exact.
float from_bfloat16(uint16_t bits);
float from_float16(uint16_t bits);
/// float8_e4m3fn: no infinities.
float from_float8_e4m3(uint8_t bits);
float from_float8_e5m2(uint8_t bits);

/// The same in bulk. `from` holds `size` numbers in native byte order.
void convert_bfloat16(const uint16_t* from, size_t size, float* out);
void convert_float16(const uint16_t* from, size_t size, float* out);
void convert_float8_e4m3(const uint8_t* from, size_t size, float* out);
void convert_float8_e5m2(const uint8_t* from, size_t size, float* out);

} // namespace mflux::artifacts
