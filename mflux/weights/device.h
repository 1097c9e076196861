#pragma once

namespace mflux {

/// Whether MLX's default device is an NVIDIA GPU.
bool is_on_cuda();

/// What MLX's default device has to compute in.
struct DeviceMemory {
  double bytes;
  const char* owner; ///< for people: "this machine", "the GPU"
};

/// An NVIDIA GPU's own memory, all of it; else physical_memory().
DeviceMemory device_memory();

} // namespace mflux
