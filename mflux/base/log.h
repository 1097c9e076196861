#pragma once

#include <functional>
#include <string>

namespace mflux {

enum class LogLevel { info, warning };

using LogSink = std::function<void(LogLevel, const std::string&)>;

/// Where the library's remarks go. The library itself never prints; until an application sets a
/// sink they are dropped. Safe to call from any thread.
void set_log_sink(LogSink sink);

void log(LogLevel level, const std::string& message);

} // namespace mflux
