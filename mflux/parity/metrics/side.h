#pragma once

#include "mflux/parity/metrics/tally.h"
#include "mflux/parity/metrics/tile.h"

namespace mflux::parity {

/// Adds the current tile of one side to `tally`.
void observe(const TileReader& reader, SideTally& tally);

/// The same when the tile holds finite floats.
void observe_finite(const TileReader& reader, SideTally& tally);

/// The hash of the current tile.
uint64_t hash_of(const TileReader& reader);

} // namespace mflux::parity
