#pragma once

#include <cstdint>

namespace mflux {

/// Bytes of main memory that this process may use: the machine's, or less under a limit (ulimit
/// -v).
uint64_t physical_memory();

} // namespace mflux
