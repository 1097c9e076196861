#include "mflux/parity/lock/lock.h"

#include <fmt/format.h>

#include <algorithm>

#include "mflux/base/artifacts_folder.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/glob.h"
#include "mflux/base/nearest.h"
#include "mflux/parity/compare.h"
#include "mflux/parity/lock/fixture_folder.h"
#include "mflux/parity/lock/fixture_writer.h"
#include "mflux/parity/lock/thin.h"
#include "mflux/parity/places.h"
#include "mflux/parity/runs/runs.h"

namespace mflux::parity {
namespace {

namespace fs = std::filesystem;

bool is_named(const Row& row, const std::string& glob) {
  return glob_match(glob, row.ref->text) || glob_match(glob, without_step(row.ref->name)) ||
         glob_match(glob, component_of(row.ref->name));
}

[[noreturn]] void refuse_glob(const std::string& glob, const std::vector<Row>& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    names.push_back(without_step(row.ref->name));
    names.push_back(component_of(row.ref->name));
  }
  const auto match = nearest(glob, names);
  throw Error(fmt::format(
      "--only {} matches no checkpoint{}",
      printable(glob),
      match.empty() ? "" : fmt::format("; did you mean {}?", printable(match))));
}

/// Without pictures: a fixture holds the tensor `image`, from which image.png was made.
std::vector<const Row*> picked(const std::vector<Row>& rows, const std::vector<std::string>& only) {
  for (const auto& glob : only) {
    if (std::none_of(rows.begin(), rows.end(), [&](const Row& r) { return is_named(r, glob); })) {
      refuse_glob(glob, rows);
    }
  }
  std::vector<const Row*> out;
  for (const auto& row : rows) {
    if (row.picture) {
      continue;
    }
    if (only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& glob) {
          return is_named(row, glob);
        })) {
      out.push_back(&row);
    }
  }
  return out;
}

void refuse_failing(const fs::path& run, const std::vector<const Row*>& rows) {
  const auto fails = [](const Row* row) { return row->verdict != Verdict::pass; };
  const auto count = std::count_if(rows.begin(), rows.end(), fails);
  if (count == 0) {
    return;
  }
  const Row& first = **std::find_if(rows.begin(), rows.end(), fails);
  throw NotPassing(fmt::format(
      "{}: {} of {} checkpoints do not pass, {} is {}: only what passes can be locked (--only GLOB "
      "picks a part)",
      run.string(),
      count,
      rows.size(),
      printable(first.ref->text),
      name_of(first.verdict)));
}

/// A pair that only values suggest would not be found again between crops.
void refuse_guesses(const std::vector<const Row*>& rows) {
  for (const Row* row : rows) {
    if (row->by == MatchedBy::guess) {
      throw Error(fmt::format(
          "{} is only guessed to be the port's {}: say so in map.toml first",
          printable(row->ref->text),
          printable(row->port->text)));
    }
  }
}

fs::path project_of(const fs::path& run) {
  const auto artifacts = artifacts_folder_of(run);
  return artifacts ? artifacts->parent_path() : fs::current_path();
}

/// Without a slash at the end.
fs::path plain(const fs::path& path) {
  const fs::path out = fs::absolute(path).lexically_normal();
  return out.has_filename() ? out : out.parent_path();
}

fs::path from(const fs::path& base, const fs::path& path) {
  return path.lexically_relative(base).empty() ? path : path.lexically_relative(base);
}

void verify(const fs::path& staged, const fs::path& port, int threads) {
  CompareOptions options;
  options.ref = staged;
  options.port = port;
  options.threads = threads;
  const auto comparison = compare(options);
  for (const auto& row : comparison.rows) {
    if (row.verdict != Verdict::pass) {
      throw Error(fmt::format(
          "the fixture would not pass against this port: {} is {} ({})",
          printable(row.ref->text),
          name_of(row.verdict),
          printable(row.rule)));
    }
  }
}

void mark_locked(const fs::path& run, const fs::path& fixture, const std::string& name) {
  Json fixtures = Json::array();
  std::error_code ignored;
  if (fs::exists(run / kLocked, ignored)) {
    const Json before = read_json(run / kLocked);
    if (before.is_object() && before.contains("fixtures") && before["fixtures"].is_array()) {
      for (const auto& entry : before["fixtures"]) {
        if (entry.value("fixture", "") != fixture.string()) {
          fixtures.push_back(entry);
        }
      }
    }
  }
  fixtures.push_back({{"fixture", fixture.string()}, {"name", name}, {"date", date_now()}});
  write_file(run / kLocked, Json{{"schema", 1}, {"fixtures", fixtures}}.dump(1) + "\n");
  ignore_artifacts(run);
}

} // namespace

Locked lock_run(const LockOptions& options) {
  CompareOptions asked;
  asked.ref = options.run;
  asked.threads = options.threads;
  const Places places = locate(asked);
  const fs::path run = plain(options.run), project = project_of(run);
  const std::string name = !options.name.empty() ? options.name
                           : options.to.empty()  ? run.filename().string()
                                                 : plain(options.to).filename().string();
  check_fixture_name(name);
  const fs::path to =
      options.to.empty() ? project / "tests" / "fixtures" / name : plain(options.to);
  const auto comparison = compare(asked);
  const auto rows = picked(comparison.rows, options.only);
  refuse_failing(options.run, rows);
  refuse_guesses(rows);
  const auto kept = thinned(rows, options.max_bytes, options.max_total);

  FixtureFolder folder(to, options.update);
  Locked locked = summary_of(kept);
  locked.fixture = to;
  FixtureWriter writer(comparison, kept, folder.staged(), options.max_bytes);
  writer.write_tensors();
  writer.write_manifest(places.ref, {name, from(project, run).string(), options.tool, locked});
  writer.write_tolerances(rules_of(places));
  if (places.map) {
    fs::copy_file(*places.map, folder.staged() / "map.toml");
  }
  for (const auto& stub : stubs_for(name, from(to, plain(places.port)), options.stubs)) {
    folder.add_unless_edited(stub.name, stub.text);
  }
  verify(folder.staged(), places.port, options.threads);
  locked.bytes = folder.check_sizes(options.max_bytes);
  folder.commit();
  mark_locked(run, from(project, to), name);
  return locked;
}

} // namespace mflux::parity
