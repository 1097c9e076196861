#include "mflux/parity/places.h"

#include <fmt/format.h>

#include "mflux/base/error.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// ref/, mlx/ and ref32/ of a run folder.
void take_run(const fs::path& run, Places& places) {
  if (!is_there(run)) {
    throw Error(fmt::format("{}: does not exist", run.string()));
  }
  places.ref = run / "ref";
  places.port = run / "mlx";
  if (!is_there(places.ref) || !is_there(places.port)) {
    throw Error(fmt::format(
        "{}: expected a run folder that holds ref/ and mlx/, or two dumps: REF MLX", run.string()));
  }
  if (is_there(run / "ref32")) {
    places.ref32 = run / "ref32";
  }
}

} // namespace

Places locate(const CompareOptions& options) {
  Places places;
  if (options.port) {
    places.ref = options.ref;
    places.port = *options.port;
  } else {
    take_run(options.ref, places);
  }
  std::vector<fs::path> folders{places.ref};
  if (!options.port) {
    folders.push_back(options.ref);
  }
  for (const auto& folder : folders) {
    if (!options.tolerances && is_there(folder / "parity.toml")) {
      places.tolerances.push_back(folder / "parity.toml");
    }
  }
  if (options.tolerances) {
    places.tolerances = {*options.tolerances};
  }
  folders.push_back(places.port);
  for (const auto& folder : folders) {
    if (!places.map && is_there(folder / "map.toml")) {
      places.map = folder / "map.toml";
    }
  }
  if (options.map) {
    places.map = options.map;
  }
  if (options.ref32) {
    places.ref32 = options.ref32;
  }
  return places;
}

std::vector<ToleranceRule> rules_of(const Places& places) {
  std::vector<ToleranceRule> rules;
  for (const auto& path : places.tolerances) {
    const auto more = read_tolerances(path);
    rules.insert(rules.end(), more.begin(), more.end());
  }
  return rules;
}

} // namespace mflux::parity
