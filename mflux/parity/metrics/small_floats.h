#pragma once

#include <cstddef>
#include <cstdint>

namespace mflux::parity {

/// Bulk conversions to float; exact. `from` holds `size` numbers in native byte order.
void convert_bfloat16(const uint16_t* from, size_t size, float* out);
void convert_float16(const uint16_t* from, size_t size, float* out);
/// float8_e4m3fn: no infinities.
void convert_float8_e4m3(const uint8_t* from, size_t size, float* out);
void convert_float8_e5m2(const uint8_t* from, size_t size, float* out);

} // namespace mflux::parity
