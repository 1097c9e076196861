#include "cli/capture_flags.h"

#include <fmt/format.h>

#include <cstdlib>
#include <sstream>
#include <utility>

#include "mflux/base/error.h"

namespace mflux::cli {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

} // namespace

capture::Recorder::Options recorder_options(const CaptureFlags& flags) {
  capture::Recorder::Options options;
  if (!flags.taps.empty()) {
    options.globs = flags.taps;
    return options;
  }
  options.is_survey = !environment("MFLUX_SURVEY").empty();
  std::vector<std::string> taps;
  std::istringstream lines(environment("MFLUX_TAPS"));
  for (std::string tap; std::getline(lines, tap);) {
    taps.push_back(tap);
  }
  if (!taps.empty()) {
    options.globs = taps;
  }
  return options;
}

void add_capture_flags(CLI::App& command, CaptureFlags& flags) {
  auto* capture =
      command.add_option("--capture", flags.folder, "Folder for a dump of this run's checkpoints")
          ->envname("MFLUX_CAPTURE");
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
        flags.folder, std::move(facts), recorder_options(flags));
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
