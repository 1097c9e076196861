#include "mflux/parity/metrics/sample.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mflux::parity {
namespace {

constexpr int64_t kValues = 512;
constexpr int64_t kFewest = 8;

/// After so many values, and twice, four times … as many, it may be clear that two tensors differ.
constexpr size_t kFirstLook = 8;

/// Evenly spread, but with no period that an axis might share.
int64_t place_of(int64_t i, int64_t values, int64_t count) {
  const int64_t step = count / values, begin = step * i;
  const uint64_t mixed = static_cast<uint64_t>(i + 1) * 0x9e3779b97f4a7c15u >> 33;
  return begin + static_cast<int64_t>(mixed % static_cast<uint64_t>(step));
}

} // namespace

Sample sample_of(const artifacts::Tensor& tensor) {
  Sample out;
  const int64_t count = tensor.count(), values = std::min(count, kValues);
  double sum = 0, square = 0;
  for (int64_t i = 0; i < values; ++i) {
    const double value = artifacts::value_at(tensor, place_of(i, values, count));
    out.is_finite &= std::isfinite(value);
    out.values.push_back(value);
    sum += value;
    square += value * value;
  }
  const bool is_small = count < kFewest;
  const double mean = is_small ? 0 : sum / static_cast<double>(values);
  for (const double value : out.values) {
    out.spread += (value - mean) * (value - mean);
  }
  out.is_finite &= std::isfinite(square);
  out.is_distinctive = !is_small && out.is_finite && out.spread > 1e-6 * square &&
                       !artifacts::is_integral(tensor.dtype);
  out.spread = std::sqrt(out.spread);
  return out;
}

double distance_between(const Sample& a, const Sample& b, double most) {
  const double limit = most * most * a.spread * a.spread;
  double square = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    if (i >= kFirstLook && (i & (i - 1)) == 0 && square > limit) {
      return std::numeric_limits<double>::infinity();
    }
    const double d = b.values[i] - a.values[i];
    square += d * d;
  }
  return std::sqrt(square) / a.spread;
}

} // namespace mflux::parity
