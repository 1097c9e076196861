#pragma once

#include <cstdint>

namespace mflux {

/// Bytes of this machine's main memory.
uint64_t physical_memory();

} // namespace mflux
