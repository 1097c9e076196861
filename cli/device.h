#pragma once

#include <filesystem>
#include <string>

#include "cli/command.h"
#include "mlx/mlx.h"

namespace mflux::cli {

namespace mx = mlx::core;

/// Makes --device the one that MLX computes on. Throws Error when this MLX has no such backend.
void choose_device(const Session& session);

/// "cpu" or "gpu".
std::string device_name();

/// The type that --dtype names; not given: float32 on the CPU, else that of the weights in `model`,
/// a folder in diffusers' layout. Throws Error for float16, which no port computes in.
mx::Dtype choose_dtype(const std::string& name, const std::filesystem::path& model);

/// "float32" or "bfloat16".
std::string name_of(mx::Dtype dtype);

} // namespace mflux::cli
