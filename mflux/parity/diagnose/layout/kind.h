#pragma once

#include <string>

#include "mflux/parity/diagnose/case.h"
#include "mflux/parity/diagnose/layout/digits.h"

namespace mflux::parity {

struct LayoutKind {
  std::string id, detail;
};

/// Which cause a rearrangement of the reference is: layout.permute when it only moves the
/// reference's own axes, layout.gqa_repeat when it moves repeated heads, else layout.patch_order or
/// layout.heads, by the axes that it splits and by the module's name.
LayoutKind kind_of(const Case& at, const Rearrangement& steps);

/// Whether names tell of attention: "attn", "to_q", "heads", …
bool is_in_attention(const Case& at);

} // namespace mflux::parity
