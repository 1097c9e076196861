#pragma once

#include "mflux/nn/module.h"

namespace mflux::nn {

/// Convolution of images [batch, height, width, in] → [batch, height', width', out], with bias.
/// Reference: torch.nn.Conv2d, whose OIHW weight is turned to MLX's OHWI here.
struct Conv2d : Module {
  struct Options {
    int kernel = 3, stride = 1, padding = 0;
  };

  Conv2d(Scope here, int in, int out, const Options& how);

  mx::array operator()(const mx::array& input) const;

  Options options;
  mx::array weight; ///< [out, kernel, kernel, in]
  mx::array bias;
};

} // namespace mflux::nn
