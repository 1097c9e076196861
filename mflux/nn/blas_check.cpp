#include "mflux/nn/blas_check.h"

#include <fmt/format.h>

#include <cmath>
#include <mutex>
#include <vector>

#include "mflux/base/error.h"
#include "mlx/mlx.h"

namespace mflux::nn {
namespace {

namespace mx = mlx::core;

/// Sizes off every block size that a kernel might have.
constexpr int kRows = 67, kInner = 131, kColumns = 41;

/// Deterministic values in [-1, 1).
std::vector<float> values(int count, uint32_t seed) {
  std::vector<float> out(count);
  for (float& value : out) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / (1 << 23) - 1.0f;
  }
  return out;
}

void compare_product() {
  const auto a = values(kRows * kInner, 1), b = values(kInner * kColumns, 2);
  auto product = mx::matmul(
      mx::array(a.data(), {kRows, kInner}, mx::float32),
      mx::array(b.data(), {kInner, kColumns}, mx::float32),
      mx::Device::cpu);
  product.eval();
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) {
      double expected = 0;
      for (int k = 0; k < kInner; ++k) {
        expected += static_cast<double>(a[i * kInner + k]) * b[k * kColumns + j];
      }
      const double seen = product.data<float>()[i * kColumns + j];
      if (!(std::abs(seen - expected) < 1e-4)) {
        throw Error(fmt::format(
            "this machine's BLAS multiplies wrongly ({} for {}); set OPENBLAS_CORETYPE to an older "
            "processor, such as HASWELL or GENERIC, and try again",
            seen,
            expected));
      }
    }
  }
}

} // namespace

void check_blas() {
  static std::once_flag once;
  std::call_once(once, compare_product);
}

} // namespace mflux::nn
