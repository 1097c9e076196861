#include "mflux/parity/metrics/measure_pairs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace mflux::parity {
namespace {

Moments moments_of(const Pairs& pairs) {
  const double ref_shift = shift_of(pairs.ref), port_shift = shift_of(pairs.port);
  ShiftedSums sums;
  for (size_t i = 0; i < pairs.ref.size(); ++i) {
    const double ref = pairs.ref[i] - ref_shift, port = pairs.port[i] - port_shift;
    const double d = pairs.difference[i];
    sums.ref += ref;
    sums.port += port;
    sums.ref_ref += ref * ref;
    sums.port_port += port * port;
    sums.ref_port += ref * port;
    sums.absolute += std::abs(d);
    sums.square += d * d;
  }
  return sums.about(ref_shift, port_shift, static_cast<int64_t>(pairs.ref.size()));
}

/// Where a number lies on the lattice of `lattice`'s exponents with 52 fraction bits: neighbours
/// of a dtype with f fraction bits are 2^(52 - f) apart.
int64_t place_on(const Lattice& lattice, double value) {
  const double magnitude = std::abs(value);
  const auto smallest =
      static_cast<int64_t>(static_cast<uint64_t>(lattice.min_exponent + 1023) << 52);
  const auto bits = std::bit_cast<int64_t>(magnitude);
  const int64_t place =
      bits >= smallest ? bits - smallest + (int64_t{1} << 52)
                       : static_cast<int64_t>(std::ldexp(magnitude, 52 - lattice.min_exponent));
  return value < 0 ? -place : place;
}

void count_distances(const Pairs& pairs, const Lattice& lattice, Distances& distances) {
  for (size_t i = 0; i < pairs.ref.size(); ++i) {
    const int64_t ref = place_on(lattice, pairs.ref[i]), port = place_on(lattice, pairs.port[i]);
    const auto distance =
        static_cast<uint64_t>(std::max(ref, port)) - static_cast<uint64_t>(std::min(ref, port));
    ++distances[static_cast<size_t>(std::bit_width(distance))];
  }
}

int64_t count_outside(const Pairs& pairs, double atol, double rtol) {
  int64_t outside = 0;
  for (size_t i = 0; i < pairs.ref.size(); ++i) {
    outside += !(std::abs(pairs.difference[i]) <= atol + rtol * std::abs(pairs.ref[i]));
  }
  return outside;
}

Bounds bounds_of(const Pairs& pairs, double rel_floor, double unit) {
  Bounds out;
  for (size_t i = 0; i < pairs.ref.size(); ++i) {
    const double error = std::abs(pairs.difference[i]), ref = std::abs(pairs.ref[i]);
    out.relative = std::max(out.relative, error == 0 ? 0 : error / std::max(ref, rel_floor));
    out.passing = std::max(out.passing, error / (unit + ref));
  }
  return out;
}

void count_errors(const Pairs& pairs, int64_t tile, Tally& tally) {
  double max_abs = 0;
  for (size_t i = 0; i < pairs.ref.size(); ++i) {
    const double d = pairs.difference[i];
    const double error = std::abs(d);
    max_abs = std::max(max_abs, error);
    tally.ref_max = std::max(tally.ref_max, std::abs(pairs.ref[i]));
    tally.port_max = std::max(tally.port_max, std::abs(pairs.port[i]));
    if (d != 0) {
      ++tally.unequal;
      tally.positive += d > 0;
      tally.errors.add(error);
    }
  }
  tally.see_max(max_abs, tile);
}

/// By halves, so that equal values give exactly themselves.
template <typename T>
double leading_mean(std::span<const T> values) {
  const size_t size = std::bit_floor(std::min<size_t>(values.size(), 64));
  if (size == 0) {
    return 0;
  }
  std::array<double, 64> sums;
  std::ranges::copy(values.first(size), sums.begin());
  for (size_t half = size / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) {
      sums[i] += sums[i + half];
    }
  }
  return sums[0] / static_cast<double>(size);
}

} // namespace

double shift_of(std::span<const double> values) {
  return leading_mean(values);
}

double shift_of(std::span<const float> values) {
  return leading_mean(values);
}

TileResult measure_pairs(const Pairs& pairs, const Plan& plan, int64_t tile, Tally& tally) {
  if (pairs.ref.empty()) {
    return {};
  }
  count_errors(pairs, tile, tally);
  if (plan.floating) {
    count_distances(pairs, lattice_of(plan.coarser), tally.distances);
  }
  for (size_t i = 0; i < plan.tolerances.size(); ++i) {
    const auto& [atol, rtol] = plan.tolerances[i];
    tally.outside[i] += count_outside(pairs, atol * plan.unit, rtol);
  }
  return {moments_of(pairs), bounds_of(pairs, plan.rel_floor, plan.unit)};
}

} // namespace mflux::parity
