#pragma once

namespace mflux::flux2 {

/// A picture in tokens.
struct TokenGrid {
  int columns, rows;
};

} // namespace mflux::flux2
