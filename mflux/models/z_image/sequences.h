#pragma once

#include <optional>
#include <vector>

#include "mflux/nn/rotary.h"

namespace mflux::z_image {

namespace mx = mlx::core;

/// Where a token stands: (caption's or frame's place, row, column).
struct Position {
  int t = 0, row = 0, column = 0;
};

/// One caption or image as tokens whose count is a multiple of 32.
struct Sequence {
  mx::array tokens; ///< [length, channels]; behind the given ones the last is repeated
  int given;        ///< those that were not added
  /// Of all tokens, the added ones at (0, 0, 0). A caption's have as many again behind them as
  /// were added: the reference counts those twice, which shows where a batch is padded.
  std::vector<Position> positions;

  int length() const {
    return tokens.shape(0);
  }
};

/// Sequences side by side, the shorter ones followed by zeros.
struct Batch {
  mx::array x; ///< [batch, tokens, channels]
  std::vector<int> lengths;

  int tokens() const {
    return x.shape(1);
  }
};

/// A caption's features [tokens, channels], from position (1, 0, 0) on.
Sequence caption_sequence(const mx::array& features);

/// An image's patches. `image` is [channels, frames, height, width], patches (frame, row, column,
/// channel); positions begin at (first, 0, 0). Reference: ZImageTransformer2DModel._patchify_image.
Sequence image_sequence(const mx::array& image, int patch, int f_patch, int first);

/// The other way: the first tokens [tokens, patch's numbers] as an image of that shape.
/// Reference: ZImageTransformer2DModel.unpatchify.
mx::array unpatchify(const mx::array& tokens, const mx::Shape& image, int patch, int f_patch);

/// [sum of lengths, channels] cut into sequences of these lengths and set side by side.
Batch side_by_side(const mx::array& x, const std::vector<int>& lengths);

/// Which tokens of a batch are some sequence's own: [batch, tokens] of booleans; nothing where all
/// are.
std::optional<mx::array> mask_of(const std::vector<int>& lengths);

} // namespace mflux::z_image
