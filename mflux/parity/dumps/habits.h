#pragma once

#include <set>
#include <string_view>

namespace mflux::parity {

/// Where a module usually runs among its siblings, by the names that diffusers and transformers
/// give: ordered as the members are.
struct UsualPlace {
  int rank;
  int projection; ///< queries before keys before values
  bool is_norm;   ///< a norm of the projection before it

  auto operator<=>(const UsualPlace&) const = default;
};

/// Of a module's `call` (from 1), never before that of an earlier call; `siblings` are the names of
/// all children of its parent.
UsualPlace usual_place(
    std::string_view segment, int call, const std::set<std::string_view>& siblings);

/// Whether two lists of modules take turns: resnets.0, attentions.0, resnets.1, …
bool takes_turns(std::string_view segment, const std::set<std::string_view>& siblings);

} // namespace mflux::parity
