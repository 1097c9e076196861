#include "mflux/base/log.h"

#include <mutex>
#include <utility>

namespace mflux {
namespace {

struct Slot {
  std::mutex mutex;
  LogSink sink;
};

Slot& slot() {
  static Slot instance;
  return instance;
}

} // namespace

void set_log_sink(LogSink sink) {
  const std::lock_guard lock(slot().mutex);
  slot().sink = std::move(sink);
}

void log(LogLevel level, const std::string& message) {
  LogSink sink;
  {
    const std::lock_guard lock(slot().mutex);
    sink = slot().sink;
  }
  if (sink) {
    sink(level, message);
  }
}

} // namespace mflux
