#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mflux/parity/metrics/tally.h"
#include "mflux/parity/metrics/tile.h"

namespace mflux::parity {

/// The finite pairs of a tile, as doubles; d = port - ref is exact before rounding even for 64-bit
/// integers.
struct Pairs {
  std::span<const double> ref, port, difference;
};

/// Reads two tensors side by side. One reader belongs to one thread.
class PairReader {
 public:
  PairReader(const artifacts::Tensor& ref, const artifacts::Tensor& port, const Plan& plan);

  int64_t count() const {
    return ref_.count();
  }

  /// Makes tile number `tile` the current one.
  void load(int64_t tile);

  const TileReader& ref() const {
    return ref_;
  }
  const TileReader& port() const {
    return port_;
  }

  /// The pairs of the current tile that are finite on both sides; valid until the next load().
  Pairs finite_pairs();

  /// Flat index of pair `i` of finite_pairs().
  int64_t index_of(size_t i) const;

  /// Pairs of the current tile that disagree and are not finite on a side, and the first of them.
  /// Known after finite_pairs().
  int64_t mismatched() const {
    return mismatched_;
  }
  int64_t first_mismatch() const {
    return first_mismatch_;
  }

  void done_with(int64_t begin, int64_t end) const;

 private:
  void subtract();
  void prepare();
  void keep_finite();

  TileReader ref_, port_;
  bool masks_;
  double unit_;
  int64_t begin_ = 0;
  size_t size_ = 0, kept_ = 0;
  int64_t mismatched_ = 0, first_mismatch_ = kNowhere;
  std::vector<double> ref_values_, port_values_, differences_;
  std::vector<int64_t> positions_; ///< of the kept pairs, when some were not
};

} // namespace mflux::parity
