#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mflux/artifacts/bytes.h"

namespace mflux::artifacts {

/// One file inside a zip archive.
struct ZipEntry {
  std::string name;
  bool deflated = false; ///< else stored
  uint32_t crc = 0;      ///< of the uncompressed bytes
  uint64_t packed_size = 0;
  uint64_t size = 0;        ///< uncompressed
  uint64_t data_offset = 0; ///< of the packed bytes in the archive
};

/// Whether `file` begins as zip archives do.
bool looks_like_zip(Bytes file);

/// The archive's members in the order of its directory, folders left out. Everything but the data
/// is checked: bounds, overlaps, local headers against the directory, data descriptors, duplicate
/// names. Throws Error on that, on encryption and on methods other than stored and deflated.
std::vector<ZipEntry> read_zip(Bytes file);

} // namespace mflux::artifacts
