#pragma once

#include <filesystem>
#include <string>

#include "cli/capture_flags.h"
#include "mflux/models/port.h"

namespace mflux::cli {

/// What `mflux port run` was told.
struct PortRun {
  std::string port, component, model;
  std::filesystem::path inputs, image, output;
  CaptureFlags capture;
  std::string dtype = "float32";
};

/// Throws Error for flags that contradict the component and for files that cannot be written or
/// would replace what the run reads; before anything is loaded.
void check_flags(const PortRun& run, const models::Component& component);

} // namespace mflux::cli
