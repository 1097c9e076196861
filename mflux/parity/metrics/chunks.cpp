#include "mflux/parity/metrics/chunks.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace mflux::parity {

void share_chunks(
    int64_t count, int threads, const std::function<void(const std::function<int64_t()>&)>& work) {
  std::atomic<int64_t> next = 0;
  const std::function<int64_t()> take = [&] {
    const int64_t chunk = next.fetch_add(1);
    return chunk < count ? chunk : -1;
  };
  std::exception_ptr failure;
  std::mutex mutex;
  const auto guarded = [&] {
    try {
      work(take);
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      failure = failure ? failure : std::current_exception();
    }
  };
  if (threads <= 0 && count > 1) {
    threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  }
  std::vector<std::thread> helpers;
  helpers.reserve(static_cast<size_t>(std::max(threads, 0)));
  try {
    for (int64_t i = 1; i < std::min<int64_t>(threads, count); ++i) {
      helpers.emplace_back(guarded);
    }
  } catch (const std::system_error&) {
    // Fewer threads do the same work.
  }
  guarded();
  for (auto& helper : helpers) {
    helper.join();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

} // namespace mflux::parity
