#include "mflux/ports/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/base/glob.h"
#include "mflux/ports/code.h"

namespace mflux::ports {
namespace {

namespace fs = std::filesystem;

fs::path results_file(const PortFile& port, const ComponentFile& component) {
  return port.folder / "results" / (component.name + ".json");
}

bool is_of(const Measurement& one, const ComponentFile& component) {
  return std::any_of(component.tests.begin(), component.tests.end(), [&](const auto& glob) {
    return glob_match(glob, one.test);
  });
}

void write_records(
    const fs::path& file, const ComponentFile& component, const std::vector<Record>& records) {
  Json list = Json::array();
  for (const auto& record : records) {
    Json json = to_json(record.measured);
    json["commit"] = record.commit;
    json["code"] = record.code;
    list.push_back(std::move(json));
  }
  // One record per line, so that a change shows which.
  std::string text =
      fmt::format("{{\n \"schema\": 1,\n \"component\": \"{}\",\n \"records\": [", component.name);
  for (size_t i = 0; i < list.size(); ++i) {
    text += fmt::format("{}\n  {}", i == 0 ? "" : ",", list[i].dump());
  }
  fs::create_directories(file.parent_path());
  write_file(file, text + "\n ]\n}\n");
}

/// Old records of other tests, then the new ones; by test and what it was measured with.
std::vector<Record> merged(std::vector<Record> old, const std::vector<Record>& fresh) {
  std::set<std::string> tests;
  for (const auto& record : fresh) {
    tests.insert(record.measured.test);
  }
  std::erase_if(old, [&](const Record& record) { return tests.contains(record.measured.test); });
  old.insert(old.end(), fresh.begin(), fresh.end());
  std::stable_sort(old.begin(), old.end(), [](const Record& a, const Record& b) {
    return std::pair(a.measured.test, a.measured.what) <
           std::pair(b.measured.test, b.measured.what);
  });
  return old;
}

/// Throws Error when code was changed after the first of the measurements: what was measured would
/// be said of code that nobody ran.
void check_order(const fs::path& checkout, const ComponentFile& component, const fs::path& folder) {
  auto first = fs::file_time_type::max();
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") {
      first = std::min(first, entry.last_write_time());
    }
  }
  for (const auto& file : covered_code(checkout, component.code)) {
    if (fs::last_write_time(checkout / file) > first) {
      throw Error(fmt::format(
          "{} was changed after {} was measured; build, test and record again (./dev record)",
          file,
          folder.string()));
    }
  }
}

/// A file, or all of a folder; none of what is neither, such as a seed.
std::set<std::string> files_of(const fs::path& checkout, const std::string& path) {
  std::set<std::string> files;
  if (fs::is_regular_file(checkout / path)) {
    files.insert(path);
  } else if (!path.empty() && fs::is_directory(checkout / path)) {
    for (const auto& entry : fs::recursive_directory_iterator(checkout / path)) {
      if (entry.is_regular_file()) {
        files.insert(fs::relative(entry.path(), checkout).string());
      }
    }
  }
  return files;
}

struct Job {
  fs::path file;
  ComponentFile component;
  std::vector<Record> records;
};

Job job_of(
    const fs::path& checkout,
    const PortFile& port,
    const ComponentFile& component,
    const std::vector<Measurement>& measured,
    const std::string& commit) {
  std::vector<Record> fresh;
  for (const auto& one : measured) {
    if (is_of(one, component)) {
      fresh.push_back({one, commit, code_hash(checkout, component, one)});
    }
  }
  Job job{checkout / results_file(port, component), component, {}};
  if (!fresh.empty()) {
    job.records = merged(read_records(checkout, port, component), fresh);
  }
  return job;
}

} // namespace

std::string code_hash(
    const fs::path& checkout, const ComponentFile& component, const Measurement& one) {
  auto files = covered_code(checkout, component.code);
  for (const auto& further : {one.source, one.what}) {
    files.merge(files_of(checkout, further));
  }
  return hash_of(checkout, files);
}

std::vector<Record> read_records(
    const fs::path& checkout, const PortFile& port, const ComponentFile& component) {
  const auto file = checkout / results_file(port, component);
  if (!fs::exists(file)) {
    return {};
  }
  const Json json = read_json(file);
  const auto where = results_file(port, component).string();
  if (!json.is_object() || !json.contains("records") || !json["records"].is_array()) {
    throw Error(fmt::format("{}: holds no list of records; ./dev record writes it", where));
  }
  std::vector<Record> all;
  for (const auto& entry : json["records"]) {
    JsonReader reader(entry, where);
    all.push_back(
        {parse_measurement(entry, where),
         reader.require<std::string>("commit"),
         reader.require<std::string>("code")});
  }
  return all;
}

Recorded record(const fs::path& checkout, const fs::path& folder, const std::string& commit) {
  const auto measured = read_measurements(folder);
  if (measured.empty()) {
    throw Error(fmt::format(
        "{} holds no measurements; run the tests with MFLUX_RECORD={} first (./dev record)",
        folder.string(),
        folder.string()));
  }
  std::vector<Job> jobs;
  std::set<std::string> unclaimed;
  for (const auto& one : measured) {
    unclaimed.insert(one.test);
  }
  for (const auto& port : read_port_files(checkout)) {
    for (const auto& component : port.components) {
      auto job = job_of(checkout, port, component, measured, commit);
      std::erase_if(unclaimed, [&](const std::string& test) {
        return std::any_of(job.records.begin(), job.records.end(), [&](const Record& record) {
          return record.measured.test == test;
        });
      });
      if (!job.records.empty()) {
        check_order(checkout, component, folder);
        jobs.push_back(std::move(job));
      }
    }
  }
  Recorded done{.files = {}, .measurements = measured.size(), .unclaimed = {}};
  for (const auto& job : jobs) {
    write_records(job.file, job.component, job.records);
    done.files.push_back(fs::relative(job.file, checkout));
  }
  done.unclaimed.assign(unclaimed.begin(), unclaimed.end());
  return done;
}

} // namespace mflux::ports
