#pragma once

#include <cstdint>

#include "mflux/artifacts/bytes.h"

namespace mflux::artifacts {

/// The CRC-32 of zip archives: of all bytes before (`crc`, 0 at the start) and `bytes`.
uint32_t update_crc(uint32_t crc, Bytes bytes);

} // namespace mflux::artifacts
