#include "mflux/artifacts/crc.h"

#include <zlib.h>

namespace mflux::artifacts {

uint32_t update_crc(uint32_t crc, Bytes bytes) {
  if (bytes.empty()) {
    return crc; // zlib would start anew on a null pointer
  }
  return static_cast<uint32_t>(
      crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

} // namespace mflux::artifacts
