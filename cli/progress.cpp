#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace mflux::cli {
namespace {

/// Standard error may be closed or full: then there is nobody to tell.
void print(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

} // namespace

std::string duration(double seconds) {
  constexpr double kShort = 9.95; // shown with a decimal below it
  if (seconds < kShort) {
    return fmt::format("{:.1f} s", seconds);
  }
  const auto whole = std::llround(seconds);
  if (whole < 60) {
    return fmt::format("{} s", whole);
  }
  if (whole < 3600) {
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  }
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string step_text(int step, int steps, double seconds) {
  const auto text = fmt::format("step {}/{}", step, steps);
  if (step == 0) {
    return text;
  }
  return step < steps ? fmt::format("{}, {} left", text, duration(seconds / step * (steps - step)))
                      : fmt::format("{}, {}", text, duration(seconds));
}

std::string progress_bar(const std::string& title, int step, int steps, double seconds) {
  constexpr int kBar = 20;
  const int full = steps > 0 ? kBar * step / steps : 0;
  return fmt::format(
      "{} [{}{}] {}",
      title,
      std::string(static_cast<size_t>(full), '#'),
      std::string(static_cast<size_t>(kBar - full), '.'),
      step_text(step, steps, seconds));
}

ProgressReport::ProgressReport(std::string title, bool is_quiet)
    : title_(std::move(title)), is_quiet_(is_quiet), is_terminal_(isatty(STDERR_FILENO)) {}

ProgressReport::~ProgressReport() {
  if (is_line_open_) {
    print("\n");
  }
}

double ProgressReport::lap() {
  const auto now = Clock::now();
  return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
}

void ProgressReport::print_step(const pipelines::Progress& progress) const {
  const int step = progress.step, steps = progress.steps;
  if (is_terminal_) {
    print("\r\x1b[K" + progress_bar(title_, step, steps, seconds_.denoise));
  } else {
    print(fmt::format("{}, {}\n", title_, step_text(step, steps, seconds_.denoise)));
  }
}

void ProgressReport::tell(const pipelines::Progress& progress) {
  const double seconds = lap();
  switch (progress.stage) {
    case pipelines::Stage::encode:
      seconds_.encode += seconds;
      return;
    case pipelines::Stage::decode:
      seconds_.decode += seconds;
      return;
    case pipelines::Stage::denoise:
      seconds_.denoise += seconds;
      break;
  }
  if (!is_quiet_) {
    print_step(progress);
    is_line_open_ = is_terminal_;
  }
}

} // namespace mflux::cli
