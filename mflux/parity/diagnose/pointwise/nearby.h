#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mflux/parity/diagnose/case.h"

namespace mflux::parity {

/// A checkpoint that this one may have been computed from.
struct Nearby {
  size_t row;
  std::shared_ptr<const FieldPair> pair;
};

/// Those of `count` elements: the module's own inputs, then what ran just before it, the nearest
/// first, then what lies beside it behind it in the dump.
std::vector<Nearby> nearby(const Case& at, int64_t count);

} // namespace mflux::parity
