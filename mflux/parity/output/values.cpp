#include "mflux/parity/output/values.h"

#include <algorithm>

namespace mflux::parity {
namespace {

constexpr int64_t kStrip = 10;

Strip strip(const TensorPair& pair, int64_t begin) {
  return {begin, values_of(pair.ref, begin, kStrip), values_of(pair.port, begin, kStrip)};
}

} // namespace

std::vector<double> values_of(const artifacts::Tensor& tensor, int64_t begin, int64_t count) {
  std::vector<double> values;
  const int64_t end = std::min(tensor.count(), begin + count);
  for (int64_t i = begin; i < end; ++i) {
    values.push_back(value_at(tensor, i));
  }
  return values;
}

Strips strips_of(const TensorPair& pair, const Metrics& metrics) {
  const int64_t reals = is_complex(pair.ref.dtype) ? 2 : 1;
  const int64_t last = std::max<int64_t>(0, pair.ref.count() - kStrip);
  const int64_t worst = metrics.worst.index / reals;
  return {strip(pair, 0), strip(pair, std::clamp<int64_t>(worst - kStrip / 2, 0, last))};
}

Strips strips_of(const Comparison& comparison, const Row& row) {
  return row.metrics ? strips_of(load_pair(comparison.ref, comparison.port, row), *row.metrics)
                     : Strips();
}

} // namespace mflux::parity
