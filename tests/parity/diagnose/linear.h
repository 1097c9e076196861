#pragma once

#include <vector>

namespace mflux::testing {

/// y = x Wᵀ + b of every row of `x`, summed in float64. Shapes [rows, in], [out, in], [out].
inline std::vector<float> linear(
    const std::vector<float>& x, const std::vector<float>& w, const std::vector<float>& b) {
  const size_t out = b.size(), in = w.size() / out;
  std::vector<float> y;
  for (size_t row = 0; row < x.size() / in; ++row) {
    for (size_t o = 0; o < out; ++o) {
      double sum = b[o];
      for (size_t k = 0; k < in; ++k) {
        sum += static_cast<double>(x[row * in + k]) * w[o * in + k];
      }
      y.push_back(static_cast<float>(sum));
    }
  }
  return y;
}

} // namespace mflux::testing
