#include "cli/port_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "cli/find_model.h"
#include "cli/targets.h"
#include "mflux/base/error.h"

namespace mflux::cli {
namespace {

Targets targets_of(const PortRun& run, bool reads_image) {
  Targets targets{.read = {{"--model", find_model(run.model)}}, .capture = run.capture.folder};
  if (!run.inputs.empty()) {
    targets.read.push_back({"--inputs", run.inputs});
  }
  for (const auto& injection : parse_injections(run.capture)) {
    targets.read.push_back({"--inject", injection.file});
  }
  if (!run.image.empty()) {
    (reads_image ? targets.read : targets.files).push_back({"--image", run.image});
  }
  if (!run.output.empty()) {
    targets.files.push_back({"--output", run.output});
  }
  return targets;
}

void check_extension(const PathFlag& file, const std::vector<std::string>& expected) {
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
  check_targets(targets_of(run, component.starts_from_pixels));
}

} // namespace mflux::cli
