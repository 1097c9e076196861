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
  void count(std::span<const uint32_t> indices);

  /// The counts of rows outside [first_row, end_row) are 0, but for row 0.
  size_t first_row() const {
    return first_ / kPairColumns;
  }
  size_t end_row() const {
    return last_ / kPairColumns + 1;
  }

  int64_t at(size_t row, size_t column) const {
    const size_t index = row * kPairColumns + column;
    return int64_t{counts_[index]} + int64_t{counts_[kOdd + index]};
  }

 private:
  static constexpr size_t kSize = kPairRows * kPairColumns, kOdd = kSize + 512;

  /// Beside few tiles, looking through the whole table would be most of the work.
  static constexpr int kTrackedTiles = 4;

  void track(std::span<const uint32_t> indices);

  std::vector<uint32_t> counts_ = std::vector<uint32_t>(kOdd + kSize);
  uint32_t first_ = kSize - 1, last_ = 0; ///< indices seen, without those of row 0
  int tiles_ = 0;
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

  /// What the kernel ran on last.
  const SingleInput& input() const {
    return input_;
  }

  /// Adds what measure() still keeps to `tally`. To be called once, at the end.
  void flush(Tally& tally) const;

 private:
  void count_all_outside(Tally& tally) const;
  void flush_row(size_t row, Tally& tally) const;
  TileResult add_rest(
      std::span<const float> ref, std::span<const float> port, int64_t tile, Tally& tally) const;

  const Plan& plan_;
  SingleInput input_{};
  SingleOutput output_{};
  std::unique_ptr<PairIndices> indices_;
  PairTable table_;
  int64_t equal_ = 0, counted_ = 0;
};

} // namespace mflux::parity
