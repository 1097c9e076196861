#pragma once

#include <cstdint>
#include <functional>

namespace mflux::parity {

/// a / b, rounded up.
inline int64_t divide_up(int64_t a, int64_t b) {
  return a / b + (a % b != 0);
}

/// Splits [0, count) chunks among threads (0: as many as the machine has): each thread calls `work`
/// once with a function that hands out the next chunk, or -1. Rethrows the first exception.
void share_chunks(
    int64_t count, int threads, const std::function<void(const std::function<int64_t()>&)>& work);

} // namespace mflux::parity
