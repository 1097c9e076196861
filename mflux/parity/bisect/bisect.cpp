#include "mflux/parity/bisect/bisect.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>

#include "mflux/base/artifacts_folder.h"
#include "mflux/base/error.h"
#include "mflux/parity/places.h"
#include "mflux/parity/runs/runs.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;

constexpr const char* kState = "state.json";
constexpr const char* kLog = "bisect.log";
constexpr const char* kKept = "rounds";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void delete_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) {
    throw Error(fmt::format("cannot remove {}: {}", path.string(), error.message()));
  }
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path, error)) {
    throw Error(fmt::format(
        "cannot make the folder {}{}", path.string(), error ? ": " + error.message() : ""));
  }
}

uint64_t bytes_in(const fs::path& folder) {
  std::error_code ignored;
  uint64_t bytes = 0;
  for (fs::recursive_directory_iterator at(folder, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    std::error_code no_file;
    const auto size = at->is_regular_file(no_file) ? at->file_size(no_file) : 0;
    bytes += no_file ? 0 : size;
  }
  return bytes;
}

std::string found_text(const Round& round) {
  if (!round.found) {
    return "nothing fails";
  }
  const auto& found = *round.found;
  return fmt::format(
      "{} of {} fail, first {}{}",
      round.failing,
      round.compared,
      found.checkpoint,
      found.gain ? fmt::format(", gain {:.1e}", *found.gain) : "");
}

class Bisection {
 public:
  Bisection(const BisectOptions& options, BisectRunner& runner)
      : options_(options), runner_(runner) {}

  Bisected run() {
    begin();
    if (!state_.survey) {
      make_survey();
    }
    while (true) {
      auto decision = decide(*state_.survey, state_.rounds, options_.limits);
      if (auto* end = std::get_if<Conclusion>(&decision)) {
        return {std::move(state_), std::move(*end)};
      }
      make_round(std::get<BisectPlan>(decision));
    }
  }

 private:
  fs::path at(const char* name) const {
    return options_.run / name;
  }

  void begin() {
    make_folder(options_.run);
    if (!is_there(at(kState))) {
      for (const char* side : {"ref", "mlx"}) {
        if (is_there(at(side))) {
          throw Error(fmt::format(
              "{} is there already and no bisection made it; name another folder",
              at(side).string()));
        }
      }
    } else if (options_.restart) {
      for (const char* name : {"ref", "mlx", kKept, kLog, kState}) {
        delete_tree(at(name));
      }
    } else {
      go_on();
      return;
    }
    state_.ref = options_.ref;
    state_.port = options_.port;
    write_state(at(kState), state_);
    ignore_artifacts(at(kState));
  }

  void go_on() {
    state_ = with_context("--restart begins again", [&] { return read_state(at(kState)); });
    refuse_other("reference", state_.ref, options_.ref);
    refuse_other("port", state_.port, options_.port);
    if (state_.survey) {
      say(fmt::format("going on after {} rounds", state_.rounds.size()));
    }
  }

  void refuse_other(const char* side, const std::string& before, const std::string& now) const {
    if (before != now) {
      throw Error(fmt::format(
          "{} was begun with another command for the {}: {}; --restart begins again",
          options_.run.string(),
          side,
          before));
    }
  }

  void write_log(const std::string& line) const {
    std::ofstream log(at(kLog), std::ios::app);
    log << fmt::format("{:%Y-%m-%dT%H:%M:%SZ}  ", fmt::gmtime(std::time(nullptr)))
        << printable(line) << "\n";
    log.flush();
    if (!log) {
      throw Error(fmt::format("cannot write {}", at(kLog).string()));
    }
  }

  void say(const std::string& line) const {
    write_log(line);
    runner_.tell(line);
  }

  /// Puts the dumps of the round before away.
  void clear() const {
    const auto kept = at(kKept) / fmt::format("{:03}", state_.rounds.size());
    for (const char* side : {"ref", "mlx"}) {
      if (options_.keep && !state_.rounds.empty() && is_there(at(side))) {
        make_folder(kept);
        delete_tree(kept / side);
        std::error_code error;
        fs::rename(at(side), kept / side, error);
        if (error) {
          throw Error(fmt::format("cannot keep {}: {}", at(side).string(), error.message()));
        }
      }
      delete_tree(at(side));
    }
  }

  /// Seconds.
  double run_side(const char* side, std::vector<std::string> taps, bool is_survey) const {
    const bool is_ref = std::string_view(side) == "ref";
    SideRun run{
        side,
        is_ref ? options_.ref : options_.port,
        std::move(taps),
        is_survey,
        fs::absolute(at(side)),
        fs::absolute(at(is_ref ? "ref.log" : "mlx.log"))};
    make_folder(run.out);
    write_log(fmt::format(
        "running {} with {} into {}: {}",
        side,
        is_survey ? "a survey" : fmt::format("{} taps", run.taps.size()),
        run.out.string(),
        run.command));
    const auto start = std::chrono::steady_clock::now();
    try {
      runner_.run(run);
    } catch (const Error& error) {
      write_log(one_line(error));
      throw;
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  Listing listing_of(const char* side) const {
    return with_context(
        fmt::format(
            "the {} command left no dump in {{out}} (MFLUX_CAPTURE), see {}.log", side, side),
        [&] { return read_listing(at(side)); });
  }

  CompareOptions compare_options() const {
    CompareOptions compare;
    compare.ref = options_.run;
    compare.map = options_.map;
    compare.tolerances = options_.tolerances;
    compare.threads = options_.threads;
    return compare;
  }

  void make_survey() {
    clear();
    Round round;
    round.ref_seconds = run_side("ref", {"*"}, true);
    const Listing ref = listing_of("ref");
    round.port_seconds = run_side("mlx", {"*"}, true);
    const Listing port = listing_of("mlx");
    const auto map = locate(compare_options()).map;
    const auto renames = map ? read_renames(*map) : std::vector<Rename>();
    Survey survey = parity::make_survey(ref, port, renames);
    uint64_t bytes = 0;
    for (const auto& spot : survey.spots) {
      bytes += spot.bytes;
    }
    say(fmt::format(
        "survey: {} checkpoints on both sides, {} in all; {} only in the reference, {} only in the "
        "port; ref {:.1f} s, mlx {:.1f} s",
        survey.spots.size(),
        size_text(bytes),
        survey.only_in_ref,
        survey.only_in_port,
        round.ref_seconds,
        round.port_seconds));
    state_.survey = std::move(survey);
    if (state_.survey->has_tensors) {
      round.why = "both commands dumped tensors when only a list was asked for";
      for (size_t i = 0; i < state_.survey->spots.size(); ++i) {
        round.spots.push_back(i);
      }
      judge(std::move(round));
    }
    write_state(at(kState), state_);
  }

  void make_round(const BisectPlan& plan) {
    clear();
    std::vector<std::string> refs, ports;
    for (const size_t spot : plan.spots) {
      refs.push_back(state_.survey->spots[spot].ref);
      ports.push_back(state_.survey->spots[spot].port);
    }
    Round round;
    round.spots = plan.spots;
    round.why = plan.why;
    round.ref_seconds = run_side("ref", std::move(refs), false);
    round.port_seconds = run_side("mlx", std::move(ports), false);
    judge(std::move(round));
    write_state(at(kState), state_);
  }

  void judge(Round round) {
    const size_t number = state_.rounds.size() + 1;
    const auto comparison =
        with_context(fmt::format("round {}", number), [&] { return compare(compare_options()); });
    for (const auto& row : comparison.rows) {
      round.compared += row.port ? 1 : 0;
      round.failing += is_failing(row.verdict) ? 1 : 0;
    }
    round.found = found_in(comparison);
    round.bytes = bytes_in(at("ref")) + bytes_in(at("mlx"));
    say(fmt::format(
        "round {}: {}: {} checkpoints, {} on disk; ref {:.1f} s, mlx {:.1f} s; {}",
        number,
        round.why,
        round.spots.size(),
        size_text(round.bytes),
        round.ref_seconds,
        round.port_seconds,
        found_text(round)));
    state_.rounds.push_back(std::move(round));
  }

  const BisectOptions& options_;
  BisectRunner& runner_;
  BisectState state_;
};

} // namespace

Bisected bisect(const BisectOptions& options, BisectRunner& runner) {
  return Bisection(options, runner).run();
}

} // namespace mflux::parity
