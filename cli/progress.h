#pragma once

#include <chrono>
#include <string>

#include "mflux/pipelines/pipeline.h"

namespace mflux::cli {

/// "0.4 s", "12 s", "3 min 20 s", "2 h 05 min".
std::string duration(double seconds);

/// How far the steps are and, after the first, the time left: "step 2/4, 0.5 s left".
std::string step_text(int step, int steps, double seconds);

/// The same with a bar, at most 79 columns with the longest seed as title.
std::string progress_bar(const std::string& title, int step, int steps, double seconds);

/// Seconds that each stage of a picture took.
struct StageSeconds {
  double encode = 0, denoise = 0, decode = 0;
};

/// Tells people on standard error how a picture comes along, a bar on a terminal and lines
/// elsewhere, and takes the time of the stages.
class ProgressReport {
 public:
  /// `title` begins every line ("seed 42").
  ProgressReport(std::string title, bool is_quiet);
  /// Ends the bar's line, if there is one.
  ~ProgressReport();
  ProgressReport(const ProgressReport&) = delete;
  ProgressReport& operator=(const ProgressReport&) = delete;

  void tell(const pipelines::Progress& progress);

  const StageSeconds& seconds() const {
    return seconds_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  double lap();
  void print_step(const pipelines::Progress& progress) const;

  std::string title_;
  bool is_quiet_, is_terminal_;
  bool is_line_open_ = false;
  Clock::time_point last_ = Clock::now();
  StageSeconds seconds_;
};

} // namespace mflux::cli
