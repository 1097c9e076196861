#pragma once

#include <vector>

#include "mflux/models/flux2/token_grid.h"
#include "mflux/nn/module.h"
#include "mflux/nn/rotary.h"

namespace mflux::flux2 {

/// Where tokens stand, and what follows from it. Made once per run.
struct Positions {
  mx::array ids;           ///< [tokens, axes] or [batch, tokens, axes], as they were given
  nn::RotaryTables tables; ///< of the first in the batch
};

/// Rotary tables of tokens from their ids (T, H, W, L). Reference: diffusers Flux2PosEmbed.
struct PosEmbed : nn::Module {
  PosEmbed(Scope here, std::vector<int> dims, double base)
      : Module(std::move(here)), axes_dim(std::move(dims)), theta(base) {}

  /// Evaluates the ids. Throws Error when they are not finite numbers of that shape.
  Positions prepare(const mx::array& ids) const;

  /// `prepared`, unless an observer put other ids in their place.
  Positions seen(const Positions& prepared, const mx::array& ids) const;

  /// The tables, through the taps.
  nn::RotaryTables operator()(const Positions& positions) const;

  std::vector<int> axes_dim;
  double theta;
};

/// Ids of text tokens, (0, 0, 0, i): int64 [batch, tokens, 4].
/// Reference: Flux2KleinPipeline._prepare_text_ids.
mx::array text_ids(int batch, int tokens);

/// Ids of the image being made, (0, row, column, 0): int64 [batch, rows · columns, 4].
/// Reference: Flux2KleinPipeline._prepare_latent_ids.
mx::array image_ids(int batch, const TokenGrid& image);

/// Ids of an edit's reference images, one after the other, image i (from 0) at T = 10 + 10·i:
/// (T, row, column, 0), int64 [batch, tokens of all, 4].
/// Reference: Flux2KleinPipeline._prepare_image_ids, repeated over the batch.
mx::array reference_ids(int batch, const std::vector<TokenGrid>& images);

} // namespace mflux::flux2
