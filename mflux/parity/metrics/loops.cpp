#include "mflux/parity/metrics/loops.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mflux/parity/metrics/loops.cpp"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "mflux/artifacts/small_floats.h"

HWY_BEFORE_NAMESPACE();
namespace mflux::parity::HWY_NAMESPACE {

template <typename Convert>
HWY_INLINE void widen(const std::byte* from, size_t size, float* out, Convert&& convert) {
  constexpr size_t kAhead = 2048, kLine = 32; // bytes that the cache is told of, numbers at a time
  const auto widen_one = [&](size_t i) {
    uint16_t bits;
    std::memcpy(&bits, from + i * sizeof bits, sizeof bits);
    out[i] = convert(bits);
  };
  size_t begin = 0;
  for (; begin + kLine <= size; begin += kLine) {
    hwy::Prefetch(from + begin * sizeof(uint16_t) + kAhead);
    for (size_t i = begin; i < begin + kLine; ++i) {
      widen_one(i);
    }
  }
  for (size_t i = begin; i < size; ++i) {
    widen_one(i);
  }
}

void widen_bfloat16_loop(const std::byte* from, size_t size, float* out) {
  widen(from, size, out, artifacts::from_bfloat16);
}

void widen_float16_loop(const std::byte* from, size_t size, float* out) {
  widen(from, size, out, artifacts::from_float16);
}

Fit fit_loop(std::span<const float> tile) {
  uint32_t low = 0, lost = 0;
  for (const float value : tile) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t magnitude = bits & 0x7fffffffu;
    const uint32_t finite = magnitude < 0x7f800000u ? ~0u : 0u;
    low |= finite & bits;
    // Below 2^-14 float16 has the spacing 2^-24: adding 2^-1 in float rounds to just that.
    const float small = std::bit_cast<float>(std::min(magnitude, 0x38800000u));
    lost |= finite & (magnitude > 0x477fe000u ? 1u : 0u);
    lost |= finite & ((small + 0.5f) - 0.5f != small ? 1u : 0u);
  }
  return {(low & 0x1fffu) == 0 && lost == 0, (low & 0xffffu) == 0};
}

} // namespace mflux::parity::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mflux::parity {

HWY_EXPORT(widen_bfloat16_loop);
HWY_EXPORT(widen_float16_loop);
HWY_EXPORT(fit_loop);

void widen_bfloat16(const std::byte* from, size_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(widen_bfloat16_loop)(from, size, out);
}

void widen_float16(const std::byte* from, size_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(widen_float16_loop)(from, size, out);
}

Fit fit_of(std::span<const float> tile) {
  return HWY_DYNAMIC_DISPATCH(fit_loop)(tile);
}

} // namespace mflux::parity
#endif
