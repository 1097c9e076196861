#include "mflux/parity/measure_singles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "mflux/parity/hash.h"

namespace mflux::parity {
namespace {

/// Magnitudes from here on are left to measure_pairs(): their reciprocals are not normal floats.
constexpr uint32_t kTooLarge = 0x7e000000;

/// Errors up to here are left to it too: float's subnormal numbers are too coarse for a histogram.
constexpr double kTooSmall = 0x1p-118;

/// Reciprocals are estimates; on no machine are they 1 % wrong.
constexpr double kSlack = 1.01;

double value_of(uint32_t bits) {
  return std::bit_cast<float>(bits);
}

/// Counts `size` indices, a multiple of 16, of type Index in interleaved tables.
template <typename Index, size_t kBins>
void count(const Index* indices, size_t size, std::array<std::array<uint64_t, kBins>, 4>& tables) {
  for (size_t i = 0; i < size; i += 4) {
    ++tables[0][indices[i]];
    ++tables[1][indices[i + 1]];
    ++tables[2][indices[i + 2]];
    ++tables[3][indices[i + 3]];
  }
}

template <size_t kBins>
int64_t total(const std::array<std::array<uint64_t, kBins>, 4>& tables, size_t bin) {
  return static_cast<int64_t>(tables[0][bin] + tables[1][bin] + tables[2][bin] + tables[3][bin]);
}

} // namespace

SingleMeasurer::SingleMeasurer(const Plan& plan)
    : plan_(plan), output_(std::make_unique<SingleOutput>()) {
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
  const SingleOutput& out = *output_;
  if (!run_single_kernel(input_, *output_) || out.ref_largest >= kTooLarge ||
      out.port_largest >= kTooLarge || (out.max_abs > 0 && out.max_abs < kTooSmall)) {
    return std::nullopt;
  }
  equal_ += out.equal;
  tally.unequal += static_cast<int64_t>(size) - out.equal;
  tally.positive += out.positive;
  tally.ref_max = std::max(tally.ref_max, value_of(out.ref_largest));
  tally.port_max = std::max(tally.port_max, value_of(out.port_largest));
  tally.see_max(out.max_abs, tile);
  count(out.lengths.data(), size, lengths_);
  count(out.bins.data(), size, bins_);
  count_all_outside(tally);
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
  for (size_t i = 0; i < plan_.tolerances.size(); ++i) {
    const auto& [atol, rtol] = plan_.tolerances[i];
    const bool all_inside =
        output_->max_abs <= atol || kSlack * output_->passing <= std::min(atol, rtol);
    if (!all_inside) {
      tally.outside[i] += count_outside(input_, atol, rtol);
    }
  }
}

void SingleMeasurer::finish(Tally& tally) const {
  // The kernel's lattice has 23 fraction bits, that of Distances 52.
  tally.distances[0] += total(lengths_, 0);
  for (size_t length = 1; length <= 32; ++length) {
    const size_t bin = length == 32 ? 255 : length + 126;
    tally.distances[length + 29] += total(lengths_, bin);
  }
  // Bins of floats are those of doubles but for the bias; subnormal ones share the lowest bins.
  constexpr size_t kBias = (1023 - 127) * 8;
  for (size_t bin = 0; bin < bins_[0].size(); ++bin) {
    const int64_t zeros = bin == 0 ? equal_ : 0;
    const double smallest =
        std::bit_cast<float>(static_cast<uint32_t>(std::max<size_t>(bin, 1) << 20));
    tally.errors.add(
        bin < 8 ? LogHistogram::bin_of(smallest) : bin + kBias, total(bins_, bin) - zeros);
  }
}

} // namespace mflux::parity
