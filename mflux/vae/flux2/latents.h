#pragma once

#include "mlx/mlx.h"

namespace mflux::flux2 {

namespace mx = mlx::core;

// How Flux2KleinPipeline turns latents into tokens and back, on [batch, height, width, channels].
// All throw Error on other shapes.

/// [batch, 2h, 2w, c] → [batch, h, w, 4c]: a channel's four neighbours become four channels side by
/// side. Reference: _patchify_latents.
mx::array patchify(const mx::array& latents);

/// The inverse. Reference: _unpatchify_latents.
mx::array unpatchify(const mx::array& patches);

/// [batch, h, w, c] → [batch, h·w, c], row by row. Reference: _pack_latents.
mx::array pack(const mx::array& patches);

/// The inverse for a grid of h rows and w columns. Reference: _unpack_latents_with_ids.
mx::array unpack(const mx::array& tokens, int h, int w);

} // namespace mflux::flux2
