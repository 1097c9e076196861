#pragma once

#include <vector>

#include "mflux/artifacts/tensor.h"

namespace mflux::parity {

/// A few values of a tensor at places that depend on its size alone: enough to recognise it by.
struct Sample {
  std::vector<double> values;
  double spread = 0; ///< norm of the values about their mean; of fewer than 8, about 0

  bool is_finite = true;

  /// Whether it says which tensor it is: large enough, finite, not constant and no integers.
  bool is_distinctive = false;
};

/// Reads up to 512 values; inflates a compressed tensor whole.
Sample sample_of(const artifacts::Tensor& tensor);

/// ||a - b|| over the spread of `a`: at least their rel_l2, whatever their mean. Infinite as soon
/// as it is sure to be above `most`. Both from tensors of one shape.
double distance_between(const Sample& a, const Sample& b, double most);

} // namespace mflux::parity
