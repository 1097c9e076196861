#include "cli/targets.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/error.h"
#include "mflux/capture/staging.h"

namespace mflux::cli {
namespace {

namespace fs = std::filesystem;

bool is_inside(const fs::path& path, const fs::path& folder) {
  const auto outer = plain_path(folder), inner = plain_path(path);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

bool is_same(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return plain_path(a) == plain_path(b) || fs::equivalent(a, b, ignored);
}

/// --capture makes its own folder; the one a file goes to must be there or be that one.
void check_file(const PathFlag& file, const fs::path& capture) {
  if (fs::is_directory(file.path)) {
    throw Error(fmt::format("{} is a folder, expected a file to write", file.text()));
  }
  const auto folder = plain_path(file.path).parent_path();
  const bool is_in_capture = !capture.empty() && plain_path(capture) == folder;
  if (!is_in_capture && !fs::is_directory(folder)) {
    throw Error(fmt::format("cannot write {}: its folder does not exist", file.path.string()));
  }
  if (is_in_capture && capture::is_dump_file(file.path.filename().string())) {
    throw Error(fmt::format("{} is a file that --capture writes", file.text()));
  }
}

void check_capture(const PathFlag& folder, const std::vector<PathFlag>& read) {
  if (fs::exists(folder.path) && !fs::is_directory(folder.path)) {
    throw Error(fmt::format("{} is no folder", folder.text()));
  }
  for (const auto& source : read) {
    if (source.name != "--model" && is_same(plain_path(source.path).parent_path(), folder.path)) {
      throw Error(fmt::format(
          "{} holds what {} reads ({}); choose another",
          folder.text(),
          source.name,
          source.path.string()));
    }
  }
}

/// What is written must not replace what is read.
void check_against(const PathFlag& written, const PathFlag& read) {
  if (is_same(written.path, read.path)) {
    throw Error(fmt::format("{} is what {} reads; choose another", written.text(), read.name));
  }
  if (fs::is_directory(read.path) && is_inside(written.path, read.path)) {
    throw Error(fmt::format(
        "{} lies inside {}, which is only read; choose another place",
        written.text(),
        read.text()));
  }
}

} // namespace

fs::path plain_path(const fs::path& path) {
  const auto whole = fs::weakly_canonical(fs::absolute(path)).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

void check_targets(const Targets& targets) {
  const auto& files = targets.files;
  for (const auto& file : files) {
    check_file(file, targets.capture);
  }
  if (files.size() == 2 && is_same(files[0].path, files[1].path)) {
    throw Error(fmt::format("{} and {} are one file", files[0].text(), files[1].text()));
  }
  auto written = files;
  if (!targets.capture.empty()) {
    written.push_back({"--capture", targets.capture});
    check_capture(written.back(), targets.read);
  }
  for (const auto& target : written) {
    for (const auto& source : targets.read) {
      check_against(target, source);
    }
  }
}

} // namespace mflux::cli
