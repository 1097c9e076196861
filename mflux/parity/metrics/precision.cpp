#include "mflux/parity/metrics/precision.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "mflux/parity/metrics/loops.h"
#include "mflux/parity/metrics/tile.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;

constexpr int64_t kEnoughElements = 64;
constexpr size_t kEnoughSignificands = 16;
constexpr uint32_t kInfinity = 0x7f800000;

} // namespace

void Precision::see(std::span<const float> tile) {
  count_ += static_cast<int64_t>(tile.size());
  if (!float16_ && !bfloat16_) {
    note_significands(tile);
    return;
  }
  const Fit fit = fit_of(tile);
  float16_ &= fit.float16;
  bfloat16_ &= fit.bfloat16;
  note_significands(tile);
}

void Precision::see(std::span<const double> tile) {
  if (!float32_) {
    count_ += static_cast<int64_t>(tile.size());
    return;
  }
  std::array<float, kTile> narrow;
  bool exact = true;
  for (size_t i = 0; i < tile.size(); ++i) {
    narrow[i] = static_cast<float>(tile[i]);
    exact &= !std::isfinite(tile[i]) || static_cast<double>(narrow[i]) == tile[i];
  }
  if (!exact) {
    float32_ = float16_ = bfloat16_ = false;
  }
  see(std::span<const float>(narrow.data(), tile.size()));
}

void Precision::note_significands(std::span<const float> tile) {
  for (size_t i = 0; i < tile.size() && significands_.size() < kEnoughSignificands; ++i) {
    const auto bits = std::bit_cast<uint32_t>(tile[i]);
    const uint32_t magnitude = bits & 0x7fffffffu;
    const uint32_t significand = bits & 0x7fffffu;
    if (magnitude != 0 && magnitude < kInfinity &&
        std::ranges::find(significands_, significand) == significands_.end()) {
      significands_.push_back(significand);
    }
  }
}

void Precision::merge(const Precision& other) {
  count_ += other.count_;
  float32_ &= other.float32_;
  float16_ &= other.float16_;
  bfloat16_ &= other.bfloat16_;
  for (const uint32_t significand : other.significands_) {
    if (std::ranges::find(significands_, significand) == significands_.end()) {
      significands_.push_back(significand);
    }
  }
}

Dtype Precision::effective(Dtype stored) const {
  if (stored == Dtype::complex64 || stored == Dtype::complex128) {
    stored = stored == Dtype::complex64 ? Dtype::float32 : Dtype::float64;
  }
  const bool proven = count_ >= kEnoughElements && significands_.size() >= kEnoughSignificands;
  if (!proven || !float32_ || (stored != Dtype::float32 && stored != Dtype::float64)) {
    return stored;
  }
  return bfloat16_ ? Dtype::bfloat16 : float16_ ? Dtype::float16 : Dtype::float32;
}

Lattice lattice_of(Dtype floating) {
  switch (floating) {
    case Dtype::float8_e4m3:
      return {3, -6};
    case Dtype::float8_e5m2:
      return {2, -14};
    case Dtype::float16:
      return {10, -14};
    case Dtype::bfloat16:
      return {7, -126};
    case Dtype::float64:
    case Dtype::complex128:
      return {52, -1022};
    default:
      return {23, -126};
  }
}

Dtype coarser(Dtype a, Dtype b) {
  return lattice_of(b).fraction_bits < lattice_of(a).fraction_bits ? b : a;
}

} // namespace mflux::parity
