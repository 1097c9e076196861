#include "mflux/parity/metrics/side.h"

#include <cmath>

#include "mflux/parity/metrics/hash.h"

namespace mflux::parity {
namespace {

/// Masks hold 0 and something that softmax turns into 0: -1e4 and below.
constexpr double kHuge = -1e4;

template <typename T>
void count_nonfinite(std::span<const T> tile, NonFinite& counts) {
  bool all_finite = true;
  for (const T value : tile) {
    all_finite &= std::isfinite(value);
  }
  for (size_t i = 0; !all_finite && i < tile.size(); ++i) {
    counts.nan += std::isnan(tile[i]);
    counts.positive_inf += std::isinf(tile[i]) && tile[i] > 0;
    counts.negative_inf += std::isinf(tile[i]) && tile[i] < 0;
  }
}

template <typename T>
void see_mask(std::span<const T> tile, MaskEvidence& mask) {
  for (size_t i = 0; i < tile.size() && mask.possible; ++i) {
    mask.possible = tile[i] == 0 || tile[i] <= static_cast<T>(kHuge);
    mask.huge |= tile[i] != 0;
  }
}

template <typename T>
void observe_tile(const TileReader& reader, std::span<const T> tile, SideTally& tally) {
  see_mask(tile, tally.mask);
  if (reader.may_be_narrower()) {
    tally.precision.see(tile);
  }
}

} // namespace

void observe_finite(const TileReader& reader, SideTally& tally) {
  observe_tile(reader, reader.singles(), tally);
}

void observe(const TileReader& reader, SideTally& tally) {
  if (reader.domain() == Domain::single) {
    count_nonfinite(reader.singles(), tally.nonfinite);
    observe_tile(reader, reader.singles(), tally);
  } else if (reader.domain() == Domain::real) {
    count_nonfinite(reader.reals(), tally.nonfinite);
    observe_tile(reader, reader.reals(), tally);
  } else {
    tally.mask.possible = false;
  }
}

uint64_t hash_of(const TileReader& reader) {
  switch (reader.domain()) {
    case Domain::single:
      return hash_tile(reader.singles());
    case Domain::real:
      return hash_tile(reader.reals());
    default:
      return hash_tile(reader.naturals());
  }
}

} // namespace mflux::parity
