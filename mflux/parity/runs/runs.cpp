#include "mflux/parity/runs/runs.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "mflux/artifacts/manifest.h"
#include "mflux/base/artifacts_folder.h"
#include "mflux/base/error.h"
#include "mflux/parity/dumps/dump.h"
#include "mflux/parity/dumps/names.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> kSides = {"ref", "ref32", "mlx"};
constexpr int kMostLevels = 64; ///< of folders in a run

/// Of the entry itself, also when it is a link.
fs::file_time_type changed_at(const struct stat& status) {
  const auto since_epoch = std::chrono::seconds(status.st_mtim.tv_sec) +
                           std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return std::chrono::file_clock::from_sys(std::chrono::sys_time<std::chrono::nanoseconds>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch)));
}

/// Adds an entry and what lies in it to the run's size and age. Links are not followed.
void measure(const fs::directory_entry& entry, Run& run, int levels) {
  std::error_code ignored;
  struct stat status {};
  if (lstat(entry.path().c_str(), &status) != 0) {
    return;
  }
  run.bytes += uint64_t{512} * static_cast<uint64_t>(status.st_blocks);
  run.changed = std::max(run.changed, changed_at(status));
  if (entry.is_symlink(ignored)) {
    return;
  }
  if (!entry.is_directory(ignored) || levels == 0) {
    return;
  }
  for (fs::directory_iterator at(entry.path(), ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    measure(*at, run, levels - 1);
  }
}

void read_manifest_of(const fs::path& side, Run& run) {
  std::error_code ignored;
  if (!fs::exists(side / artifacts::kManifest, ignored)) {
    return;
  }
  const auto manifest = artifacts::read_manifest(side / artifacts::kManifest);
  if (run.partial.empty() && !manifest.partial.empty()) {
    run.partial = fmt::format("{}: {}", side.filename().string(), manifest.partial);
  }
  if (const auto prompt = manifest.run.find("prompt");
      !run.prompt && prompt != manifest.run.end() && prompt->is_string()) {
    run.prompt = prompt->get<std::string>();
  }
  if (const auto steps = manifest.run.find("steps");
      !run.steps && steps != manifest.run.end() && steps->is_number_integer()) {
    run.steps = steps->get<int64_t>();
  }
}

void read_sides(Run& run) {
  std::error_code ignored;
  for (const char* name : kSides) {
    if (fs::exists(run.path / name, ignored)) {
      run.sides.emplace_back(name);
    }
  }
  if (run.sides.empty()) {
    run.problem = "holds no ref/ nor mlx/";
  }
  for (const auto& side : run.sides) {
    try {
      const Dump dump = Dump::open(run.path / side);
      run.checkpoints = run.checkpoints.value_or(dump.checkpoints().size());
      read_manifest_of(run.path / side, run);
    } catch (const std::exception& error) {
      run.problem += (run.problem.empty() ? "" : "; ") + one_line(error);
    }
  }
}

void read_lock(Run& run) {
  std::error_code ignored;
  run.is_locked = fs::exists(fs::symlink_status(run.path / kLocked, ignored));
  if (!run.is_locked) {
    return;
  }
  try {
    const Json json = read_json(run.path / kLocked);
    for (const auto& fixture : json.at("fixtures")) {
      run.fixtures.push_back(fixture.at("fixture").get<std::string>());
    }
  } catch (const std::exception&) { // whatever it says, it locks
  }
}

} // namespace

fs::path find_artifacts(const fs::path& start) {
  const fs::path from = fs::absolute(start).lexically_normal();
  std::error_code ignored;
  for (fs::path at = from;; at = at.parent_path()) {
    if (at.filename() == kArtifactsFolder && fs::is_directory(at, ignored)) {
      return artifacts_at(at);
    }
    if (fs::is_directory(at / kArtifactsFolder, ignored)) {
      return artifacts_at(at / kArtifactsFolder);
    }
    if (!at.has_relative_path()) {
      throw Error(fmt::format("no {} in {} or a folder above it", kArtifactsFolder, from.string()));
    }
  }
}

fs::path artifacts_at(const fs::path& root) {
  std::error_code ignored;
  fs::path path = fs::absolute(root).lexically_normal();
  if (!path.has_filename()) {
    path = path.parent_path(); // a slash at the end
  }
  if (path.filename() != kArtifactsFolder) {
    path /= kArtifactsFolder;
  }
  if (fs::is_symlink(path, ignored)) {
    throw Error(fmt::format("{} is a link: expected a folder", path.string()));
  }
  if (!fs::is_directory(path, ignored)) {
    throw Error(fmt::format("{} is no folder", path.string()));
  }
  return path;
}

Run read_run(const fs::path& path) {
  Run run;
  run.id = path.filename().string();
  run.path = path;
  std::error_code ignored;
  run.is_link = fs::is_symlink(path, ignored);
  run.changed = fs::file_time_type::min();
  measure(fs::directory_entry(path, ignored), run, kMostLevels);
  if (run.is_link) {
    run.problem = "a link";
  } else if (!fs::is_directory(path, ignored)) {
    run.problem = "a file, no run";
  } else {
    read_sides(run);
    read_lock(run);
  }
  return run;
}

std::vector<Run> list_runs(const fs::path& artifacts) {
  std::vector<Run> runs;
  std::error_code error;
  for (fs::directory_iterator at(artifacts, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().front() != '.') {
      runs.push_back(read_run(at->path()));
    }
  }
  if (error) {
    throw Error(fmt::format("{}: cannot be listed: {}", artifacts.string(), error.message()));
  }
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    return natural_less(a.id, b.id);
  });
  return runs;
}

std::string size_text(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 || value >= 99.95 ? fmt::format("{:.0f} {}", value, kUnits[unit])
                                     : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string age_text(std::chrono::seconds age) {
  const int64_t seconds = std::max<int64_t>(age.count(), 0);
  return seconds < 120      ? fmt::format("{} s", seconds)
         : seconds < 7200   ? fmt::format("{} min", seconds / 60)
         : seconds < 172800 ? fmt::format("{} h", seconds / 3600)
                            : fmt::format("{} days", seconds / 86400);
}

std::chrono::seconds parse_age(const std::string& text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, number);
  const int64_t unit = stop + 1 != end ? 0
                       : *stop == 'm'  ? 60
                       : *stop == 'h'  ? 3600
                       : *stop == 'd'  ? 86400
                       : *stop == 'w'  ? 604800
                                       : 0;
  // Ages beyond 10,000 years would overflow clocks.
  if (code != std::errc() || unit == 0 || number < 0 || number > 315'360'000'000 / unit) {
    throw Error(
        fmt::format("expected an age like 30m, 12h, 7d or 2w, got \"{}\"", printable(text)));
  }
  return std::chrono::seconds(number * unit);
}

} // namespace mflux::parity
