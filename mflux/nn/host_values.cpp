#include "mflux/nn/host_values.h"

namespace mflux::nn {
namespace {

template <typename T>
std::vector<double> copied(const mx::array& x) {
  const T* first = x.data<T>();
  return {first, first + x.size()};
}

} // namespace

std::vector<double> host_values(const mx::array& x) {
  const auto type = x.dtype();
  const bool is_common = type == mx::int64 || type == mx::int32 || type == mx::bool_;
  auto plain = is_common ? x : mx::astype(x, mx::float32);
  plain.eval();
  if (!plain.flags().row_contiguous) {
    plain = mx::contiguous(plain);
    plain.eval();
  }
  if (type == mx::int64) {
    return copied<int64_t>(plain);
  }
  if (type == mx::int32) {
    return copied<int32_t>(plain);
  }
  return type == mx::bool_ ? copied<bool>(plain) : copied<float>(plain);
}

} // namespace mflux::nn
