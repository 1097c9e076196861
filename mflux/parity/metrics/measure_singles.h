#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mflux/parity/metrics/measure_pairs.h"
#include "mflux/parity/metrics/single_kernel.h"
#include "mflux/parity/metrics/tally.h"

namespace mflux::parity {

/// Counts of pairs by their indices. Two tables take turns, so that equal neighbours do not wait
/// for each other; the second lies where it competes for no cache line with the first.
class PairTable {
 public:
  /// An even number of indices.
  void count(std::span<const uint32_t> indices);

  int64_t at(size_t row, size_t column) const {
    const size_t index = row * kPairColumns + column;
    return int64_t{counts_[index]} + int64_t{counts_[kOdd + index]};
  }

  void clear() {
    std::ranges::fill(counts_, 0);
  }

 private:
  static constexpr size_t kSize = kPairRows * kPairColumns, kOdd = kSize + 512;

  std::vector<uint32_t> counts_ = std::vector<uint32_t>(kOdd + kSize);
};

/// The fast way through tiles of floats that are finite on both sides. One per thread.
class SingleMeasurer {
 public:
  explicit SingleMeasurer(const Plan& plan);

  struct Result {
    TileResult tile;
    uint64_t ref_hash, port_hash;
  };

  /// Adds the pairs of tile number `tile` to `tally`; nothing, and changes nothing, when a value is
  /// not finite.
  std::optional<Result> measure(
      std::span<const float> ref, std::span<const float> port, int64_t tile, Tally& tally);

  /// Adds what was counted since the last flush to `tally`. To be called at the end.
  void flush(Tally& tally);

 private:
  void count_all_outside(Tally& tally) const;
  TileResult add_rest(
      std::span<const float> ref, std::span<const float> port, int64_t tile, Tally& tally) const;

  const Plan& plan_;
  SingleInput input_{};
  SingleOutput output_{};
  std::unique_ptr<PairIndices> indices_;
  PairTable table_;
  int64_t equal_ = 0, uncounted_ = 0, counted_ = 0;
};

} // namespace mflux::parity
