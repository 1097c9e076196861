#include "mflux/base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace mflux {

uint64_t physical_memory() {
  const uint64_t machine =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  rlimit limit{};
  const bool is_limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return is_limited ? std::min<uint64_t>(machine, limit.rlim_cur) : machine;
}

} // namespace mflux
