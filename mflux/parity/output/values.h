#pragma once

#include <cstdint>
#include <vector>

#include "mflux/parity/compare.h"

namespace mflux::parity {

/// A few neighbouring values of both sides, in C order; real parts of complex ones.
struct Strip {
  int64_t begin = 0; ///< flat index of the first
  std::vector<double> ref, port;
};

/// The first values, and those around the worst difference.
struct Strips {
  Strip first, worst;
};

/// Reads them again from the dumps; empty strips where the tensors cannot be laid over each other.
Strips strips_of(const Comparison& comparison, const Row& row);

/// The same for tensors that are at hand.
Strips strips_of(const TensorPair& pair, const Metrics& metrics);

/// Up to `count` values of a tensor from `begin` on.
std::vector<double> values_of(const artifacts::Tensor& tensor, int64_t begin, int64_t count);

} // namespace mflux::parity
