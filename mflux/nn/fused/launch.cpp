#include "mflux/nn/fused/launch.h"

#include <fmt/format.h>

#include <limits>
#include <string>

#include "mflux/base/error.h"
#include "mflux/nn/fused/kernels.h"
#include "mflux/nn/fused/path.h"
#include "mflux/weights/device.h"

namespace mflux::nn::fused {
namespace {

bool is_capable() {
  const auto& facts = mx::device_info(mx::Device::gpu);
  const auto major = facts.find("compute_capability_major");
  return major != facts.end() && std::get<size_t>(major->second) >= 8;
}

} // namespace

bool has_kernels(mx::Dtype dtype) {
  if (dtype != mx::bfloat16 || path() == Path::composed || !is_on_cuda()) {
    return false;
  }
  static const bool capable = is_capable();
  return capable;
}

std::vector<mx::array> launch(const Launch& how) {
  const int64_t threads = how.blocks * how.threads;
  if (threads > std::numeric_limits<int>::max()) {
    throw Error(fmt::format(
        "{} would need {} threads, more than a GPU takes: ask for a smaller picture",
        how.kernel,
        threads));
  }
  return mx::fast::precompiled_cuda_kernel(
      how.kernel,
      kernel_ptx(how.kernel),
      how.inputs,
      how.shapes,
      how.dtypes,
      how.scalars,
      {static_cast<int>(threads), 1, 1},
      {how.threads, 1, 1},
      0,
      std::nullopt,
      true);
}

} // namespace mflux::nn::fused
