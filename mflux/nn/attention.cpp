#include "mflux/nn/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "mflux/nn/compute.h"

namespace mflux::nn {

mx::array attend(const mx::array& q, const mx::array& k, const mx::array& v, int max_scores) {
  const auto dtype = compute_dtype(q.dtype());
  const float scale = 1.0f / std::sqrt(static_cast<float>(q.shape(2)));
  const auto scaled = mx::multiply(mx::astype(q, dtype), mx::array(scale, dtype));
  const auto kt = mx::swapaxes(mx::astype(k, dtype), 1, 2);
  const auto values = mx::astype(v, dtype);

  const int batch = q.shape(0), queries = q.shape(1), dim = q.shape(2);
  const int rows = std::max(1, max_scores / std::max(1, batch * k.shape(1)));
  std::vector<mx::array> slices;
  for (int begin = 0; begin < queries; begin += rows) {
    const int end = std::min(begin + rows, queries);
    const auto some = mx::slice(scaled, {0, begin, 0}, {batch, end, dim});
    slices.push_back(mx::matmul(mx::softmax(mx::matmul(some, kt), -1, true), values));
  }
  return mx::astype(slices.size() == 1 ? slices[0] : mx::concatenate(slices, 1), q.dtype());
}

} // namespace mflux::nn
