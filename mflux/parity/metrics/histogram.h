#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace mflux::parity {

/// Counts of magnitudes in bins an eighth of a binade wide: the exponent and three leading
/// fraction bits of a double.
class LogHistogram {
 public:
  static constexpr int kShift = 49;
  static constexpr size_t kBins = size_t{1} << (63 - kShift);

  static size_t bin_of(double magnitude) {
    return std::bit_cast<uint64_t>(magnitude) >> kShift;
  }

  /// The smallest magnitude of a bin.
  static double lower_bound(size_t bin) {
    return std::bit_cast<double>(static_cast<uint64_t>(bin) << kShift);
  }

  void add(double magnitude) {
    add(bin_of(magnitude), 1);
  }

  void add(size_t bin, int64_t count) {
    counts_[bin] += count;
    begin_ = std::min(begin_, bin);
    end_ = std::max(end_, bin + 1);
  }

  void merge(const LogHistogram& other);

  /// The element of rank ceil(share * n) among n of which `zeros` are 0 (and not counted here);
  /// interpolated inside its bin, at most `largest`.
  double percentile(double share, int64_t zeros, double largest) const;

 private:
  std::vector<int64_t> counts_ = std::vector<int64_t>(kBins);
  size_t begin_ = kBins, end_ = 0; ///< no bin outside holds anything
};

/// Bins of ULP distances: 0, 1, 2-3, 4-7, …; the last one holds the rest.
inline constexpr size_t kUlpBins = 34;

/// Counts of pairs by the bit length of their distance on a lattice finer than the dtype's.
using Distances = std::array<int64_t, 65>;

/// The ULP histogram of a dtype whose unit is 2^`shift` of the lattice's.
std::vector<int64_t> ulp_histogram(const Distances& distances, int shift);

} // namespace mflux::parity
