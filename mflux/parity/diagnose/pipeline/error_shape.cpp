#include "mflux/parity/diagnose/pipeline/error_shape.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace mflux::parity {
namespace {

/// Smaller slices say nothing.
constexpr int64_t kLeastInSlice = 6;
constexpr int64_t kBins = 32;

struct Sums {
  double n = 0, x = 0, d = 0, xx = 0, xd = 0, dd = 0;

  void add(double ref, double error) {
    n += 1;
    x += ref;
    d += error;
    xx += ref * ref;
    xd += ref * error;
    dd += error * error;
  }

  /// Energy of the error that d = a · x + b takes away.
  double explained() const {
    const double mean = d * d / n, spread = xx - x * x / n, joint = xd - x * d / n;
    return mean + (spread > 1e-12 * xx ? joint * joint / spread : 0);
  }
};

/// Beyond what so many free numbers explain of nothing but chance.
double beyond_chance(double explained, double whole, double freedom, double count) {
  if (whole <= 0 || 2 * freedom >= count) {
    return 0;
  }
  const double chance = freedom / count;
  return (explained / whole - chance) / (1 - chance);
}

double of_slices(
    const Field& ref, const Field& port, const std::vector<int64_t>& slice, int64_t slices) {
  if (ref.count() / slices < kLeastInSlice) {
    return 0;
  }
  std::vector<Sums> sums(static_cast<size_t>(slices));
  double whole = 0;
  for (size_t i = 0; i < ref.values.size(); ++i) {
    const double d = port.values[i] - ref.values[i];
    sums[static_cast<size_t>(slice[i])].add(ref.values[i], d);
    whole += d * d;
  }
  double explained = 0;
  for (const auto& sum : sums) {
    explained += sum.n > 0 ? sum.explained() : 0;
  }
  return beyond_chance(
      explained, whole, 2 * static_cast<double>(slices), static_cast<double>(ref.count()));
}

/// Slices along axes [first, last).
double of_axes(const Field& ref, const Field& port, size_t first, size_t last) {
  int64_t inner = 1, slices = 1;
  for (size_t axis = last; axis < ref.shape.size(); ++axis) {
    inner *= ref.shape[axis];
  }
  for (size_t axis = first; axis < last; ++axis) {
    slices *= ref.shape[axis];
  }
  std::vector<int64_t> slice(ref.values.size());
  for (size_t i = 0; i < slice.size(); ++i) {
    slice[i] = static_cast<int64_t>(i) / inner % slices;
  }
  return of_slices(ref, port, slice, slices);
}

double of_curve(const Field& ref, const Field& port) {
  std::vector<size_t> order(ref.values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return ref.values[a] < ref.values[b];
  });
  std::vector<int64_t> slice(ref.values.size());
  for (size_t i = 0; i < order.size(); ++i) {
    slice[order[i]] = static_cast<int64_t>(i) * kBins / ref.count();
  }
  return of_slices(ref, port, slice, kBins);
}

} // namespace

double explained_by_structure(const Field& ref, const Field& port) {
  double most = of_axes(ref, port, 0, 0);
  for (size_t first = 0; first < ref.shape.size(); ++first) {
    most = std::max(most, of_axes(ref, port, first, first + 1));
    most = std::max(most, of_axes(ref, port, 0, first + 1));
  }
  return std::max(most, of_curve(ref, port));
}

} // namespace mflux::parity
