#pragma once

#include "mflux/nn/module.h"
#include "mflux/nn/rotary.h"

namespace mflux::flux2 {

/// The tables as an input of a block or an attention: "NAME.in.image_rotary_emb.0" and ".1".
inline nn::RotaryTables tapped_rotary(const capture::Call& call, const nn::RotaryTables& tables) {
  return {
      .cos = call.in("image_rotary_emb.0", tables.cos, nn::Axes::as_is),
      .sin = call.in("image_rotary_emb.1", tables.sin, nn::Axes::as_is)};
}

} // namespace mflux::flux2
