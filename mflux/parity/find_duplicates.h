#pragma once

#include <map>
#include <string>
#include <vector>

#include "mflux/parity/compare.h"
#include "mflux/parity/metrics/sample.h"
#include "mflux/parity/side.h"

namespace mflux::parity {

/// Samples of both sides of the rows of a comparison, each read once.
class Samples {
 public:
  explicit Samples(const Comparison& comparison) : comparison_(comparison) {}

  /// Row `r` must have metrics. Cut to what both dumps hold.
  const Sample& of(size_t r, Side side);

 private:
  const Comparison& comparison_;
  std::map<size_t, std::pair<Sample, Sample>> samples_;
};

/// Tensors of equal hash on one side whose partners differ by more than noise; pairs of the same
/// two steps are one finding. Marks the rows concerned as `explained`.
std::vector<Finding> find_equal_tensors(
    const Comparison& comparison, std::vector<bool>& explained, Samples& samples);

/// Failing rows, not yet `explained`, whose port is another checkpoint of the reference; marks
/// them.
std::vector<Finding> find_misplaced_tensors(
    const Comparison& comparison, std::vector<bool>& explained, Samples& samples);

/// The port's steps k that are the reference's k - 1, k + 1 or last - k; marks the rows that this
/// explains.
std::vector<Finding> find_shifted_steps(
    const Comparison& comparison, std::vector<bool>& explained, Samples& samples);

/// How near tensors of that row must be to be taken for one, relative to their spread.
double nearness(const Row& row);

/// "a, b, c, … (7 in all)".
std::string first_few(const std::vector<std::string>& names);

} // namespace mflux::parity
