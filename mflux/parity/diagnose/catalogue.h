#pragma once

#include <span>
#include <string_view>

namespace mflux::parity {

/// One cause that a port can be wrong by.
struct CauseKind {
  std::string_view id;
  std::string_view meaning; ///< what the port does, in words
  std::string_view fix;     ///< in MLX's words
  std::string_view wrong;   ///< the line that it typically comes from
};

/// Every cause, the more specific before the more general: where several explain a checkpoint, the
/// first is named.
std::span<const CauseKind> catalogue();

/// The place of a cause in the catalogue. Throws Error on an id that is not in it.
size_t rank_of(std::string_view id);

} // namespace mflux::parity
