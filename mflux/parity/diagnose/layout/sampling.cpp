#include "mflux/parity/diagnose/layout/sampling.h"

#include <random>

namespace mflux::parity {
namespace {

constexpr size_t kSamples = 256;

} // namespace

std::vector<int64_t> sample_places(const Case& at) {
  std::mt19937_64 generator(1);
  const int64_t n = at.port.count();
  std::uniform_int_distribution<int64_t> anywhere(0, n - 1);
  double spread = 0;
  for (const double value : at.port.values) {
    spread += value * value;
  }
  spread = std::sqrt(spread / static_cast<double>(n));
  std::vector<int64_t> out;
  for (size_t tries = 0; out.size() < kSamples && tries < 64 * kSamples; ++tries) {
    const int64_t i = anywhere(generator);
    const auto k = static_cast<size_t>(i);
    const bool wants_difference = out.size() % 2 == 1 && tries < 32 * kSamples;
    if (!wants_difference || std::abs(at.port.values[k] - at.ref.values[k]) > 1e-3 * spread) {
      out.push_back(i);
    }
  }
  return out;
}

} // namespace mflux::parity
