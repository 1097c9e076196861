#include "mflux/weights/device.h"

#include <optional>
#include <variant>

#include "mflux/base/memory.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/mlx.h"

namespace mflux {

namespace mx = mlx::core;

namespace {

std::optional<double> gpu_memory() {
  const auto& facts = mx::device_info(mx::Device::gpu);
  const auto total = facts.find("total_memory");
  return total == facts.end() ? std::nullopt
                              : std::optional<double>(std::get<size_t>(total->second));
}

} // namespace

bool is_on_cuda() {
  return mx::cu::is_available() && mx::default_device() == mx::Device::gpu;
}

DeviceMemory device_memory() {
  if (is_on_cuda()) {
    static const auto total = gpu_memory(); // asking takes the driver a millisecond or two
    if (total) {
      return {*total, "the GPU"};
    }
  }
  return {static_cast<double>(physical_memory()), "this machine"};
}

} // namespace mflux
