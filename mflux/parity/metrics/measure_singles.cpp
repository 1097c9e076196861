#include "mflux/parity/metrics/measure_singles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "mflux/parity/metrics/hash.h"

namespace mflux::parity {
namespace {

/// Magnitudes from here on are left to measure_pairs(): their reciprocals are not normal floats.
constexpr uint32_t kTooLarge = 0x7e000000;

/// Errors up to here are left to it too: float's subnormal numbers are too coarse for a histogram.
constexpr double kTooSmall = 0x1p-118;

/// Long before an entry of the table overflows.
constexpr int64_t kFlushAfter = int64_t{1} << 31;

/// Reciprocals are estimates; on no machine are they 1 % wrong.
constexpr double kSlack = 1.01;

double value_of(uint32_t bits) {
  return std::bit_cast<float>(bits);
}

} // namespace

void PairTable::count(std::span<const uint32_t> indices) {
  uint32_t* even = counts_.data();
  uint32_t* odd = even + kOdd;
  for (size_t i = 0; i + 1 < indices.size(); i += 2) {
    ++even[indices[i]];
    ++odd[indices[i + 1]];
  }
  if (indices.size() % 2 != 0) {
    ++even[indices.back()];
  }
  track(indices);
}

void PairTable::track(std::span<const uint32_t> indices) {
  if (tiles_ == kTrackedTiles) {
    first_ = 0;
    last_ = kSize - 1;
    return;
  }
  ++tiles_;
  for (const uint32_t index : indices) {
    if (index >= kPairColumns) {
      first_ = std::min(first_, index);
      last_ = std::max(last_, index);
    }
  }
}

SingleMeasurer::SingleMeasurer(const Plan& plan)
    : plan_(plan), indices_(std::make_unique<PairIndices>()) {
  const Lattice lattice = lattice_of(plan.coarser);
  input_.keys = hash_keys().data();
  input_.rel_floor = static_cast<float>(plan.rel_floor);
  if (lattice.min_exponent != -126) {
    input_.smallest = static_cast<uint32_t>(lattice.min_exponent + 127) << 23;
    input_.to_lattice = std::ldexp(1.0f, 23 - lattice.min_exponent);
  }
}

std::optional<SingleMeasurer::Result> SingleMeasurer::measure(
    std::span<const float> ref, std::span<const float> port, int64_t tile, Tally& tally) {
  const size_t size = ref.size() / kKernelLanes * kKernelLanes;
  const auto is_too_large = [](float x) { return !(std::abs(x) < value_of(kTooLarge)); };
  if (std::ranges::any_of(ref.subspan(size), is_too_large) ||
      std::ranges::any_of(port.subspan(size), is_too_large)) {
    return std::nullopt;
  }
  input_.ref = ref.data();
  input_.port = port.data();
  input_.size = size;
  input_.ref_shift = shift_of(ref);
  input_.port_shift = shift_of(port);
  if (!run_single_kernel(input_, output_, *indices_)) {
    return std::nullopt;
  }
  const SingleOutput& out = output_;
  if (out.ref_largest >= kTooLarge || out.port_largest >= kTooLarge ||
      (out.max_abs > 0 && out.max_abs < kTooSmall)) {
    return std::nullopt;
  }
  equal_ += out.equal;
  table_.count({indices_->data(), out.counted});
  tally.unequal += static_cast<int64_t>(size) - out.equal;
  tally.positive += out.positive;
  tally.ref_max = std::max(tally.ref_max, value_of(out.ref_largest));
  tally.port_max = std::max(tally.port_max, value_of(out.port_largest));
  tally.see_max(out.max_abs, tile);
  count_all_outside(tally);
  counted_ += static_cast<int64_t>(size);
  if (counted_ > kFlushAfter) {
    flush(tally);
    table_ = PairTable();
    equal_ = counted_ = 0;
  }
  Result result{
      {out.sums.about(input_.ref_shift, input_.port_shift, static_cast<int64_t>(size)),
       {kSlack * out.relative, kSlack * out.passing}},
      out.ref_hash + hash_tile(ref.subspan(size), size),
      out.port_hash + hash_tile(port.subspan(size), size)};
  if (size < ref.size()) {
    const TileResult rest = add_rest(ref.subspan(size), port.subspan(size), tile, tally);
    result.tile.moments.merge(rest.moments);
    result.tile.bounds.relative = std::max(result.tile.bounds.relative, rest.bounds.relative);
    result.tile.bounds.passing = std::max(result.tile.bounds.passing, rest.bounds.passing);
  }
  return result;
}

/// The few pairs at the end that fill no vector.
TileResult SingleMeasurer::add_rest(
    std::span<const float> ref, std::span<const float> port, int64_t tile, Tally& tally) const {
  std::array<double, kKernelLanes> ref_values{}, port_values{}, differences{};
  std::ranges::copy(ref, ref_values.begin());
  std::ranges::copy(port, port_values.begin());
  for (size_t i = 0; i < ref.size(); ++i) {
    differences[i] = port_values[i] - ref_values[i];
  }
  const auto first = [&](const auto& values) {
    return std::span<const double>(values).first(ref.size());
  };
  return measure_pairs(
      {first(ref_values), first(port_values), first(differences)}, plan_, tile, tally);
}

void SingleMeasurer::count_all_outside(Tally& tally) const {
  const auto& tolerances = plan_.tolerances;
  const auto all_inside = [&](const Tolerance& tolerance) {
    return output_.max_abs <= tolerance.atol ||
           kSlack * output_.passing <= std::min(tolerance.atol, tolerance.rtol);
  };
  for (size_t i = 0; i < tolerances.size(); i += 2) {
    const size_t next = std::min(i + 1, tolerances.size() - 1);
    if (all_inside(tolerances[i]) && all_inside(tolerances[next])) {
      continue;
    }
    const auto [count, next_count] = count_outside(input_, tolerances[i], tolerances[next]);
    tally.outside[i] += count;
    if (next > i) {
      tally.outside[next] += next_count;
    }
  }
}

void SingleMeasurer::flush(Tally& tally) const {
  flush_row(0, tally);
  for (size_t row = std::max<size_t>(1, table_.first_row()); row < table_.end_row(); ++row) {
    flush_row(row, tally);
  }
  tally.distances[0] += equal_;
}

void SingleMeasurer::flush_row(size_t row, Tally& tally) const {
  // Bins of floats are those of doubles but for the bias; subnormal ones share the lowest bins.
  constexpr size_t kBias = (1023 - 127) * 8;
  const size_t subnormal = LogHistogram::bin_of(std::numeric_limits<float>::denorm_min());
  int64_t in_row = 0;
  for (size_t column = 0; column < kPairColumns; ++column) {
    const int64_t count = table_.at(row, column);
    // The kernel's lattice has 23 fraction bits, that of Distances 52. Where distances of 0 share
    // column 0 with 2 and 3, d is not 0 and the lattice so coarse that both are less than 1 ULP.
    const size_t length = column == kPairColumns - 1 ? 1 : column + 2;
    tally.distances[length + 29] += count;
    in_row += count;
  }
  if (in_row != 0) {
    tally.errors.add(row < 8 ? subnormal : row + kBias, in_row);
  }
}

} // namespace mflux::parity
