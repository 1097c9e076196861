#pragma once

#include <string>

#include "mflux/artifacts/manifest.h"
#include "mflux/parity/dumps/dump.h"

namespace mflux::parity {

/// Throws Error unless the file holds what the manifest, `where`, says of it.
void check_entry(
    const artifacts::ManifestEntry& entry, const Checkpoint& checkpoint, const std::string& where);

} // namespace mflux::parity
