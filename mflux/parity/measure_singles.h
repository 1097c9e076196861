#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "mflux/parity/measure_pairs.h"
#include "mflux/parity/single_kernel.h"
#include "mflux/parity/tally.h"

namespace mflux::parity {

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

  /// Adds what was counted so far to `tally`.
  void finish(Tally& tally) const;

 private:
  void count_tables(size_t size);
  void count_all_outside(Tally& tally) const;
  TileResult add_rest(
      std::span<const float> ref, std::span<const float> port, int64_t tile, Tally& tally) const;

  const Plan& plan_;
  SingleInput input_{};
  std::unique_ptr<SingleOutput> output_;
  int64_t equal_ = 0;
  /// Interleaved so that equal neighbours do not wait for each other.
  std::array<std::array<uint64_t, 256>, 4> lengths_{};
  std::array<std::array<uint64_t, 2048>, 4> bins_{};
};

} // namespace mflux::parity
