#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "mflux/capture/injector.h"
#include "mflux/capture/recorder.h"

namespace mflux::cli {

/// What --capture, --tap and --inject said, or for the first two the environment in which `parity
/// bisect` runs commands: MFLUX_CAPTURE, and MFLUX_TAPS with a tap in each line.
struct CaptureFlags {
  std::filesystem::path folder;        ///< of --capture; empty without
  std::vector<std::string> taps;       ///< none: everything
  std::vector<std::string> injections; ///< CHECKPOINT=FILE[#NAME]
};

/// Which checkpoints are recorded. MFLUX_SURVEY asks for a list of them alone.
capture::Recorder::Options recorder_options(const CaptureFlags& flags);

/// Adds the three flags to a command; `flags` must live until it has run.
void add_capture_flags(CLI::App& command, CaptureFlags& flags);

/// Every injection. Throws Error that names --inject.
std::vector<capture::Injection> parse_injections(const CaptureFlags& flags);

/// Who watches a run for the flags: an injector in front of a recorder, one of them, or nobody.
class RunObserver {
 public:
  /// Opens what is injected. Throws Error.
  RunObserver(const CaptureFlags& flags, capture::RunFacts facts);

  /// Null when there is nothing to watch.
  capture::Observer* get() const;

  /// To be called when the run is over: writes the dump. Throws Error when something that was to be
  /// injected was not, or the dump cannot be written.
  void finish();

  size_t checkpoints() const {
    return recorder_ ? recorder_->checkpoints() : 0;
  }

 private:
  std::unique_ptr<capture::Recorder> recorder_;
  std::unique_ptr<capture::Injector> injector_;
};

} // namespace mflux::cli
