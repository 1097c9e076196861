#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mflux/artifacts/manifest.h"
#include "mflux/parity/verdict.h"

namespace mflux::parity {

/// A checkpoint of a fixture and the part of the dump's tensor that it keeps.
struct Kept {
  const Row* row = nullptr;
  std::optional<artifacts::Ranges> crop; ///< of what the dump's file holds; none: all of it
  uint64_t bytes = 0;
};

/// Halves the longest axis, the last of equals, until at most `elements` are left around the
/// centre: tools/reference's centre_slice().
artifacts::Ranges centre_slice(const artifacts::Shape& shape, int64_t elements);

/// Whether a component is run on this checkpoint, so that it must stay whole.
bool is_fed(const Name& name);

/// The largest crops with which the whole fixture takes at most `max_total` bytes and no tensor
/// more than `max_bytes`. Throws Error, saying what is too large, when none will do.
std::vector<Kept> thinned(
    const std::vector<const Row*>& rows, uint64_t max_bytes, uint64_t max_total);

} // namespace mflux::parity
