#pragma once

#include "mlx/mlx.h"

namespace mflux::nn::fused {

namespace mx = mlx::core;

/// Which way a model is computed. Composed: module by module, every checkpoint can be watched.
/// Fused: operations that only move memory are joined (this folder), to the same result up to
/// rounding.
enum class Path {
  automatic, ///< fused where kernels for it are at hand and nobody watches
  composed,
  /// Also where somebody watches, who then sees nothing inside a model, and where the joined
  /// operations are composed again, as on the CPU: for tests and measurements.
  fused,
};

/// What this process was asked for; at first, the environment variable MFLUX_FUSED: "off" is
/// composed, "on" is fused, nothing or "auto" is automatic. Throws Error for another word.
Path path();

/// Asks for a path for as long as it lives. Not for several threads at once.
class Chosen {
 public:
  explicit Chosen(Path wanted);
  ~Chosen();
  Chosen(const Chosen&) = delete;
  Chosen& operator=(const Chosen&) = delete;

 private:
  Path before_;
};

/// Whether a model of that type is to take the fused path.
bool takes_fused_path(mx::Dtype dtype, bool is_watched = false);

} // namespace mflux::nn::fused
