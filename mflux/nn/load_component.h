#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "mflux/base/error.h"
#include "mflux/capture/taps.h"
#include "mflux/nn/blas_check.h"
#include "mflux/weights/scope.h"

namespace mflux::nn {

/// A component of a model from its folder in diffusers' layout: Model(Scope, args…) over the
/// weights beside config.json, which the caller has read. Every tensor's header is checked here;
/// values are read when they are first evaluated. Modules report to `taps` unless it is null.
/// Throws Error that names the weights file.
template <typename Model, typename... Args>
Model load_component(
    const std::filesystem::path& folder,
    mx::Dtype dtype,
    std::shared_ptr<capture::Taps> taps,
    const Args&... args) {
  if (mx::default_device() == mx::Device::cpu) {
    check_blas();
  }
  const auto file = weights_file(folder);
  const Loader loader(read_weights(file, dtype), std::move(taps));
  return with_context(file.string(), [&] {
    auto model = load<Model>(loader, args...);
    check_memory(loader.asked(), dtype);
    return model;
  });
}

} // namespace mflux::nn
