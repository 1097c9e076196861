#include "mflux/parity/runs/clean.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "mflux/base/error.h"
#include "mflux/base/nearest.h"
#include "mflux/base/temporary_path.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRest = ".clean-"; ///< begins the hidden names

[[noreturn]] void refuse(const fs::path& artifacts, const std::string& name) {
  std::vector<std::string> ids;
  for (const auto& run : list_runs(artifacts)) {
    ids.push_back(run.id);
  }
  const auto match = nearest(name, ids);
  throw Error(fmt::format(
      "no run \"{}\" in {}{}",
      printable(name),
      artifacts.string(),
      match.empty() ? "" : fmt::format("; did you mean {}?", printable(match))));
}

/// The entry of `artifacts` that a name or path stands for.
fs::path entry_of(const fs::path& artifacts, const std::string& text) {
  std::string name = text;
  while (name.size() > 1 && name.back() == '/') {
    name.pop_back();
  }
  const bool is_id = name.find('/') == std::string::npos;
  const fs::path path = is_id ? artifacts / name : fs::absolute(name);
  const fs::path last = path.filename();
  std::error_code failed;
  const bool is_inside = !last.empty() && last != "." && last != ".." &&
                         fs::equivalent(path.parent_path(), artifacts, failed) && !failed;
  if (!is_inside && (is_id || !fs::exists(fs::symlink_status(path, failed)))) {
    refuse(artifacts, name);
  }
  if (!is_inside) {
    throw Error(fmt::format(
        "{} does not lie in {}: nothing outside of it is removed",
        printable(name),
        artifacts.string()));
  }
  if (last.string().front() == '.' || !fs::exists(fs::symlink_status(path, failed))) {
    refuse(artifacts, name);
  }
  return artifacts / last;
}

std::vector<Run> rests_in(const fs::path& artifacts) {
  std::vector<Run> rests;
  std::error_code error;
  for (fs::directory_iterator at(artifacts, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with(kRest)) {
      rests.push_back(read_run(at->path()));
    }
  }
  return rests;
}

std::vector<Run> asked_for(const CleanOptions& options) {
  if (options.runs.empty()) {
    auto runs = list_runs(options.artifacts);
    for (auto& rest : rests_in(options.artifacts)) {
      runs.push_back(std::move(rest));
    }
    return runs;
  }
  std::vector<Run> runs;
  for (const auto& name : options.runs) {
    const fs::path path = entry_of(options.artifacts, name);
    if (std::none_of(runs.begin(), runs.end(), [&](const Run& run) { return run.path == path; })) {
      runs.push_back(read_run(path));
    }
  }
  return runs;
}

void check(const std::error_code& code, const char* what, const fs::path& path) {
  if (code) {
    throw Error(fmt::format("cannot {} {}: {}", what, path.string(), code.message()));
  }
}

} // namespace

CleanPlan plan_clean(const CleanOptions& options) {
  CleanPlan plan;
  const auto now = fs::file_time_type::clock::now();
  for (auto& run : asked_for(options)) {
    if (run.is_locked) {
      plan.locked.push_back(std::move(run));
    } else if (options.older_than && !run.is_link && now - run.changed < *options.older_than) {
      plan.younger.push_back(std::move(run));
    } else {
      plan.bytes += run.bytes;
      plan.remove.push_back(std::move(run));
    }
  }
  return plan;
}

void remove_run(const fs::path& artifacts, const Run& run) {
  std::error_code code;
  if (run.is_link) {
    fs::remove(run.path, code);
    return check(code, "remove", run.path);
  }
  std::string name = (artifacts / fmt::format("{}XXXXXX", kRest)).string();
  const TemporaryPath hidden([&] {
    if (!mkdtemp(name.data())) {
      throw Error(
          fmt::format("cannot write into {}: {}", artifacts.string(), std::strerror(errno)));
    }
    return name;
  });
  fs::rename(run.path, hidden.path() / run.path.filename(), code);
  if (code) {
    std::error_code ignored;
    fs::remove(hidden.path(), ignored);
    check(code, "remove", run.path);
  }
  fs::remove_all(hidden.path(), code);
  check(code, "remove all of", hidden.path());
}

} // namespace mflux::parity
