#include "cli/port_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cli/find_model.h"
#include "mflux/base/error.h"
#include "mflux/capture/staging.h"

namespace mflux::cli {
namespace {

namespace fs = std::filesystem;

/// A path of the command line and the flag that gave it.
struct Flag {
  std::string name;
  fs::path path;

  std::string text() const {
    return fmt::format("{} {}", name, path.string());
  }
};

/// The path as the file system has it, as far as it exists; no trailing slash.
fs::path plain(const fs::path& path) {
  const auto whole = fs::weakly_canonical(fs::absolute(path)).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

bool is_same(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return plain(a) == plain(b) || fs::equivalent(a, b, ignored);
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  const auto outer = plain(folder), inner = plain(path);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

/// --capture makes its own folder; the one a file goes to must be there or be that one.
void check_file(const Flag& file, const fs::path& capture) {
  if (fs::is_directory(file.path)) {
    throw Error(fmt::format("{} is a folder, expected a file to write", file.text()));
  }
  const auto folder = plain(file.path).parent_path();
  const bool is_in_capture = !capture.empty() && plain(capture) == folder;
  if (!is_in_capture && !fs::is_directory(folder)) {
    throw Error(fmt::format("cannot write {}: its folder does not exist", file.path.string()));
  }
  if (is_in_capture && capture::is_dump_file(file.path.filename().string())) {
    throw Error(fmt::format("{} is a file that --capture writes", file.text()));
  }
}

/// What is written must not replace what is read.
void check_against(const Flag& written, const Flag& read) {
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

void check_targets(const PortRun& run, bool reads_image) {
  std::vector<Flag> read{{"--model", find_model(run.model)}}, files;
  if (!run.inputs.empty()) {
    read.push_back({"--inputs", run.inputs});
  }
  for (const auto& injection : parse_injections(run.capture)) {
    read.push_back({"--inject", injection.file});
  }
  if (!run.image.empty()) {
    (reads_image ? read : files).push_back({"--image", run.image});
  }
  if (!run.output.empty()) {
    files.push_back({"--output", run.output});
  }
  for (const auto& file : files) {
    check_file(file, run.capture.folder);
  }
  if (files.size() == 2 && is_same(files[0].path, files[1].path)) {
    throw Error(fmt::format("{} and {} are one file", files[0].text(), files[1].text()));
  }
  auto written = files;
  if (!run.capture.folder.empty()) {
    written.push_back({"--capture", run.capture.folder});
    if (fs::exists(run.capture.folder) && !fs::is_directory(run.capture.folder)) {
      throw Error(fmt::format("{} is no folder", written.back().text()));
    }
    for (const auto& source : read) {
      if (source.name != "--model" &&
          is_same(plain(source.path).parent_path(), run.capture.folder)) {
        throw Error(fmt::format(
            "{} holds what {} reads ({}); choose another",
            written.back().text(),
            source.name,
            source.path.string()));
      }
    }
  }
  for (const auto& target : written) {
    for (const auto& source : read) {
      check_against(target, source);
    }
  }
}

void check_extension(const Flag& file, const std::vector<std::string>& expected) {
  const auto extension = file.path.extension().string();
  if (!file.path.empty() &&
      std::find(expected.begin(), expected.end(), extension) == expected.end()) {
    throw Error(fmt::format("{}: expected a {} file", file.text(), fmt::join(expected, " or ")));
  }
}

} // namespace

void check_flags(const PortRun& run, const models::Component& component) {
  if (component.starts_from_pixels) {
    if (run.image.empty() || !run.inputs.empty()) {
      throw Error(fmt::format(
          "{} takes --image IN.png (and writes --output OUT.png), not --inputs", component.name));
    }
    check_extension({"--output", run.output}, {".png"});
  } else {
    if (run.inputs.empty()) {
      throw Error(fmt::format("{} needs --inputs with {}", component.name, component.inputs));
    }
    if (!run.image.empty() && !component.gives_picture) {
      throw Error(fmt::format("{} gives no picture; leave out --image", component.name));
    }
    check_extension({"--output", run.output}, {".safetensors", ".npz"});
    check_extension({"--image", run.image}, {".png"});
  }
  check_targets(run, component.starts_from_pixels);
}

} // namespace mflux::cli
