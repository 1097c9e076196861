#pragma once

#include <memory>

#include "mflux/artifacts/bytes.h"
#include "mflux/artifacts/tensor.h"
#include "mflux/artifacts/zip.h"

namespace mflux::artifacts {

/// The first bytes of a deflated member: `size`, or fewer if the member is shorter. Throws Error on
/// corrupt data.
std::vector<std::byte> inflate_start(Bytes packed, size_t size);

/// Above this size inflated members live in an unlinked temporary file instead of memory.
constexpr size_t kMaxInMemory = size_t{64} << 20;

/// All of a deflated member; stops at its declared size. Throws Error unless size and checksum are
/// the declared ones.
std::shared_ptr<const Storage> inflate(
    Bytes packed, const ZipEntry& entry, size_t max_in_memory = kMaxInMemory);

/// Throws Error unless the checksum of the stored member's bytes [begin, end) of `storage` is
/// `crc`. Pages of large members are given back on the way.
void check_crc(const Storage& storage, size_t begin, size_t end, uint32_t crc);

} // namespace mflux::artifacts
