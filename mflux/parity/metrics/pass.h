#pragma once

#include <vector>

#include "mflux/parity/metrics/moments.h"
#include "mflux/parity/metrics/pairs.h"
#include "mflux/parity/metrics/tally.h"

namespace mflux::parity {

/// What one pass over two tensors finds; independent of the number of threads.
struct PassResult {
  explicit PassResult(size_t tolerances) : tally(tolerances) {}

  Tally tally;
  Moments moments;
  uint64_t ref_hash = 0, port_hash = 0;
  std::vector<Bounds> bounds; ///< per tile
  Bounds reached;             ///< exact maxima of tiles whose bounds are 0; see RunningMaxima
};

PassResult run_pass(
    const artifacts::Tensor& ref, const artifacts::Tensor& port, const Plan& plan, int threads);

/// The exact maxima whose bounds a pass left.
struct Maxima {
  Element worst;
  double relative = 0, passing = 0;
};

/// Reads those tiles again that may hold a maximum. `rel_floor` is the true one.
Maxima find_maxima(
    const artifacts::Tensor& ref,
    const artifacts::Tensor& port,
    const Plan& plan,
    const PassResult& pass,
    double rel_floor,
    int threads);

} // namespace mflux::parity
