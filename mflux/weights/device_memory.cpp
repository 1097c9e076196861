#include "mflux/weights/device_memory.h"

#include <variant>

#include "mflux/base/memory.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/mlx.h"

namespace mflux {

namespace mx = mlx::core;

DeviceMemory device_memory() {
  if (mx::cu::is_available() && mx::default_device() == mx::Device::gpu) {
    const auto& facts = mx::device_info(mx::Device::gpu);
    if (const auto total = facts.find("total_memory"); total != facts.end()) {
      return {static_cast<double>(std::get<size_t>(total->second)), "the GPU"};
    }
  }
  return {static_cast<double>(physical_memory()), "this machine"};
}

} // namespace mflux
