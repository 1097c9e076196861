#include "cli/capture_flags.h"

#include <fmt/format.h>

#include <utility>

#include "mflux/base/error.h"

namespace mflux::cli {

void add_capture_flags(CLI::App& command, CaptureFlags& flags) {
  auto* capture =
      command.add_option("--capture", flags.folder, "Folder for a dump of this run's checkpoints");
  command.add_option("--tap", flags.taps, "Capture only what matches this glob (repeatable)")
      ->needs(capture)
      ->allow_extra_args(false);
  command
      .add_option(
          "--inject",
          flags.injections,
          "CHECKPOINT=FILE[#NAME]: go on with that tensor of a dump instead (repeatable)")
      ->allow_extra_args(false);
}

std::vector<capture::Injection> parse_injections(const CaptureFlags& flags) {
  std::vector<capture::Injection> out;
  for (const auto& text : flags.injections) {
    out.push_back(with_context("--inject", [&] { return capture::parse_injection(text); }));
  }
  return out;
}

RunObserver::RunObserver(const CaptureFlags& flags, capture::RunFacts facts) {
  if (!flags.folder.empty()) {
    recorder_ = std::make_unique<capture::Recorder>(
        flags.folder, std::move(facts), capture::Recorder::Options{.globs = flags.taps});
  }
  if (!flags.injections.empty()) {
    auto injections = parse_injections(flags);
    with_context("--inject", [&] {
      injector_ = std::make_unique<capture::Injector>(std::move(injections), recorder_.get());
    });
  }
}

capture::Observer* RunObserver::get() const {
  if (injector_) {
    return injector_.get();
  }
  return recorder_.get();
}

void RunObserver::finish() {
  if (injector_) {
    with_context("--inject", [&] { injector_->finish(); });
  }
  if (recorder_) {
    recorder_->finish();
  }
}

} // namespace mflux::cli
