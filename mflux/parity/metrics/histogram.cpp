#include "mflux/parity/metrics/histogram.h"

#include <algorithm>
#include <cmath>

namespace mflux::parity {

void LogHistogram::merge(const LogHistogram& other) {
  for (size_t bin = other.begin_; bin < other.end_; ++bin) {
    add(bin, other.counts_[bin]);
  }
}

double LogHistogram::percentile(double share, int64_t zeros, double largest) const {
  int64_t count = zeros;
  for (size_t bin = begin_; bin < end_; ++bin) {
    count += counts_[bin];
  }
  const auto rank = static_cast<int64_t>(std::ceil(share * static_cast<double>(count)));
  int64_t before = zeros;
  if (rank <= before) {
    return 0;
  }
  for (size_t bin = begin_; bin < end_; ++bin) {
    if (rank <= before + counts_[bin]) {
      const double place =
          (static_cast<double>(rank - before) - 0.5) / static_cast<double>(counts_[bin]);
      const double low = lower_bound(bin);
      return std::min(largest, low + (lower_bound(bin + 1) - low) * place);
    }
    before += counts_[bin];
  }
  return largest;
}

std::vector<int64_t> ulp_histogram(const Distances& distances, int shift) {
  std::vector<int64_t> out(kUlpBins);
  for (size_t length = 0; length < distances.size(); ++length) {
    const size_t bin =
        length > static_cast<size_t>(shift) ? length - static_cast<size_t>(shift) : 0;
    out[std::min(bin, kUlpBins - 1)] += distances[length];
  }
  return out;
}

} // namespace mflux::parity
