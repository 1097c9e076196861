#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mflux/base/json.h"

namespace mflux::parity {

/// The file in a run's folder that names the fixtures which were locked from it.
inline constexpr const char* kLocked = "locked.json";

/// What is known of one entry of debug_artifacts/ from its manifests and file headers.
struct Run {
  std::string id; ///< its name in debug_artifacts/
  std::filesystem::path path;
  bool is_link = false;              ///< a symbolic link; nothing behind it is looked at
  std::vector<std::string> sides;    ///< of ref, ref32 and mlx, those that are there
  std::optional<size_t> checkpoints; ///< of ref, or else of the first side; none when unreadable
  std::string problem;               ///< why it is no readable run; empty when it is
  std::string partial;               ///< why a side's run ended early; empty when none did
  std::optional<std::string> prompt;
  std::optional<int64_t> steps;
  bool is_locked = false;
  std::vector<std::string> fixtures;       ///< that locked.json names
  uint64_t bytes = 0;                      ///< on disk, links not followed
  std::filesystem::file_time_type changed; ///< of the newest file in it
};

/// The debug_artifacts/ of the project around `start`: the nearest one in it or in a folder above.
/// Throws Error when there is none.
std::filesystem::path find_artifacts(const std::filesystem::path& start);

/// `root` if it is called debug_artifacts, else the debug_artifacts/ in it. Throws Error when there
/// is none, and when it is a link.
std::filesystem::path artifacts_at(const std::filesystem::path& root);

/// Everything in a debug_artifacts/ but hidden files, by name. What cannot be read is listed with a
/// problem.
std::vector<Run> list_runs(const std::filesystem::path& artifacts);

/// One of them.
Run read_run(const std::filesystem::path& path);

/// "412 B", "1.2 MB".
std::string size_text(uint64_t bytes);

/// "30 s", "12 min", "3 h", "5 days".
std::string age_text(std::chrono::seconds age);

/// "30m", "12h", "7d" or "2w". Throws Error on anything else.
std::chrono::seconds parse_age(const std::string& text);

} // namespace mflux::parity
