#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "mflux/base/error.h"
#include "mflux/parity/metrics/chunks.h"
#include "mflux/parity/metrics/metrics.h"
#include "mflux/parity/metrics/pass.h"
#include "mflux/parity/metrics/side.h"

namespace mflux::parity {
namespace {

using artifacts::Dtype;
using artifacts::Tensor;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kRelativeFloor = 1e-3;

/// Its reciprocal is still a normal float.
constexpr double kSmallestFloor = 1e-30;

double ratio(double a, double b) {
  return a == 0 ? 0 : b == 0 ? kInfinity : a / b;
}

/// a / sqrt(b * c) within [-1, 1]; two tensors of nothing point the same way.
double cosine_of(double a, double b, double c) {
  if (b == 0 || c == 0) {
    return b == c ? 1 : 0;
  }
  return std::clamp(a / (std::sqrt(b) * std::sqrt(c)), -1.0, 1.0);
}

void check(const Tensor& ref, const Tensor& port) {
  if (ref.shape != port.shape) {
    throw Error(fmt::format(
        "cannot compare the shapes {} and {}",
        artifacts::to_string(ref.shape),
        artifacts::to_string(port.shape)));
  }
  if (artifacts::is_complex(ref.dtype) != artifacts::is_complex(port.dtype)) {
    throw Error(fmt::format(
        "cannot compare {} with {}: both or none must be complex",
        artifacts::name_of(ref.dtype),
        artifacts::name_of(port.dtype)));
  }
}

/// Looks at up to 16 tiles to guess what a pass must know beforehand; find_maxima() and measure()
/// notice a wrong guess.
Plan plan_for(const Tensor& ref, const Tensor& port, std::span<const Tolerance> tolerances) {
  constexpr int64_t kSamples = 16;
  Plan plan{.tolerances = tolerances};
  plan.floating = !artifacts::is_integral(ref.dtype) && !artifacts::is_integral(port.dtype);
  PairReader reader(ref, port, plan);
  const int64_t tiles = divide_up(reader.count(), kTile);
  SideTally ref_sample, port_sample;
  double square = 0, count = 0;
  for (int64_t i = 0; i < std::min(kSamples, tiles); ++i) {
    const int64_t tile = tiles <= kSamples ? i : i * (tiles - 1) / (kSamples - 1);
    reader.load(tile);
    observe(reader.ref(), ref_sample);
    observe(reader.port(), port_sample);
    for (const double value : reader.finite_pairs().ref) {
      square += value * value;
      ++count;
    }
    reader.done_with(tile * kTile, std::min((tile + 1) * kTile, reader.count()));
  }
  if (plan.floating) {
    plan.coarser = coarser(
        ref_sample.precision.effective(ref.dtype), port_sample.precision.effective(port.dtype));
  }
  const double floor = count > 0 ? 0.9 * kRelativeFloor * std::sqrt(square / count) : 0;
  plan.rel_floor = plan.floating ? std::max(floor, kSmallestFloor) : floor;
  return plan;
}

void fill_sums(const Moments& sums, Metrics& out) {
  const auto n = static_cast<double>(sums.count);
  if (sums.count == 0) {
    return;
  }
  out.mean_abs = sums.absolute / n;
  out.rms = std::sqrt(sums.square / n);
  out.ref_rms = std::sqrt(sums.ref_square() / n);
  out.ref_mean = sums.ref_mean;
  out.port_mean = sums.port_mean;
  out.rel_floor = kRelativeFloor * out.ref_rms;
  out.rel_l2 = ratio(std::sqrt(sums.square), std::sqrt(sums.ref_square()));
  out.cosine = cosine_of(sums.product(), sums.ref_square(), sums.port_square());
  out.centred_cosine = cosine_of(sums.ref_port, sums.ref_ref, sums.port_port);
  out.slope = sums.ref_ref > 0 ? sums.ref_port / sums.ref_ref : 1;
  out.intercept = sums.port_mean - out.slope * sums.ref_mean;
}

void fill_counts(const Tally& tally, const Plan& plan, int64_t finite, Metrics& out) {
  out.ref_nonfinite = tally.ref.nonfinite;
  out.port_nonfinite = tally.port.nonfinite;
  out.nonfinite_mismatch = tally.mismatched;
  out.unequal = tally.unequal + tally.mismatched;
  out.mask_like = tally.ref.mask.possible && tally.port.mask.possible &&
                  (tally.ref.mask.huge || tally.port.mask.huge);
  out.outside = tally.outside;
  for (int64_t& outside : out.outside) {
    outside += tally.mismatched;
  }
  out.max_abs = tally.max_abs;
  out.ref_max = tally.ref_max;
  out.peak_rel = ratio(tally.max_abs, tally.ref_max);
  if (tally.unequal > 0) {
    out.error_balance = static_cast<double>(2 * tally.positive - tally.unequal) /
                        static_cast<double>(tally.unequal);
  }
  if (plan.floating) {
    out.ulp_histogram = ulp_histogram(tally.distances, 52 - lattice_of(plan.coarser).fraction_bits);
  }
  constexpr std::array kShares{0.5, 0.9, 0.99, 0.999};
  for (size_t i = 0; i < kShares.size(); ++i) {
    out.error_percentiles[i] =
        tally.errors.percentile(kShares[i], finite - tally.unequal, tally.max_abs);
  }
}

/// An element that is not finite on one side only outweighs every finite one.
void fill_mismatch(const Tensor& ref, const Tensor& port, const Tally& tally, Metrics& out) {
  TileReader readers[] = {TileReader(ref), TileReader(port)};
  const int64_t tile = tally.first_mismatch / kTile;
  const auto size = static_cast<size_t>(std::min(kTile, readers[0].count() - tile * kTile));
  std::vector<double> values[2];
  for (size_t side = 0; side < 2; ++side) {
    readers[side].load(tile * kTile, size);
    values[side].resize(size);
    readers[side].promote(values[side].data());
  }
  const auto place = static_cast<size_t>(tally.first_mismatch % kTile);
  out.worst = {tally.first_mismatch, values[0][place], values[1][place]};
  out.max_abs = out.max_rel = out.peak_rel = out.passing_tolerance = kInfinity;
}

void unscale(double unit, Metrics& out) {
  for (double* value :
       {&out.max_abs,
        &out.worst.ref,
        &out.worst.port,
        &out.mean_abs,
        &out.rms,
        &out.rel_floor,
        &out.intercept,
        &out.ref_rms,
        &out.ref_max,
        &out.ref_mean,
        &out.port_mean}) {
    *value /= unit;
  }
  for (double& error : out.error_percentiles) {
    error /= unit;
  }
}

Metrics measure_with(const Tensor& ref, const Tensor& port, Plan plan, int threads) {
  PassResult pass = run_pass(ref, port, plan, threads);
  Metrics out;
  out.count = TileReader(ref).count();
  out.ref_effective = pass.tally.ref.precision.effective(ref.dtype);
  out.port_effective = pass.tally.port.precision.effective(port.dtype);
  const Dtype coarse = coarser(out.ref_effective, out.port_effective);
  if (plan.floating && coarse != plan.coarser) {
    plan.coarser = coarse;
    return measure_with(ref, port, plan, threads);
  }
  out.ref_hash = pass.ref_hash;
  out.port_hash = pass.port_hash;
  fill_counts(pass.tally, plan, pass.moments.count, out);
  fill_sums(pass.moments, out);
  if (pass.tally.mismatched > 0) {
    fill_mismatch(ref, port, pass.tally, out);
  } else {
    const Maxima maxima = find_maxima(ref, port, plan, pass, out.rel_floor, threads);
    out.worst = maxima.worst;
    out.max_rel = maxima.relative;
    out.passing_tolerance = maxima.passing;
  }
  if (artifacts::is_complex(ref.dtype)) {
    out.worst.index /= 2;
  }
  const double unit = unit_for(std::max(pass.tally.ref_max, pass.tally.port_max));
  if (plan.unit == 1 && unit != 1) {
    plan.unit = unit;
    plan.rel_floor = 0;
    Metrics scaled = measure_with(ref, port, plan, threads);
    scaled.ulp_histogram = out.ulp_histogram;
    scaled.unequal = out.unequal;
    return scaled;
  }
  unscale(plan.unit, out);
  return out;
}

} // namespace

Metrics measure(
    const Tensor& ref, const Tensor& port, std::span<const Tolerance> tolerances, int threads) {
  check(ref, port);
  const Plan plan = plan_for(ref, port, tolerances);
  Metrics out = measure_with(ref, port, plan, threads);
  if (!out.mask_like || out.unequal == 0) {
    return out;
  }
  Plan masks = plan;
  masks.masks = true;
  return measure_with(ref, port, masks, threads);
}

} // namespace mflux::parity
