#pragma once

#include "mflux/nn/module.h"

namespace mflux::nn {

/// Row `id` of a table for each id: integers [batch, tokens] → [batch, tokens, channels]. Throws
/// Error for ids that the table does not have (MLX would read whatever lies there), so it reads the
/// ids. Reference: torch.nn.Embedding.
struct Embedding : Module {
  Embedding(Scope here, int rows, int channels);

  mx::array operator()(const mx::array& ids) const;

  mx::array weight; ///< [rows, channels]
};

} // namespace mflux::nn
