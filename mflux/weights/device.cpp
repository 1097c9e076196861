#include "mflux/weights/device.h"

#include <variant>

#include "mflux/base/memory.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/mlx.h"

namespace mflux {

namespace mx = mlx::core;

bool is_on_cuda() {
  return mx::cu::is_available() && mx::default_device() == mx::Device::gpu;
}

DeviceMemory device_memory() {
  if (is_on_cuda()) {
    const auto& facts = mx::device_info(mx::Device::gpu);
    if (const auto total = facts.find("total_memory"); total != facts.end()) {
      return {static_cast<double>(std::get<size_t>(total->second)), "the GPU"};
    }
  }
  return {static_cast<double>(physical_memory()), "this machine"};
}

} // namespace mflux
