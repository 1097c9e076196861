#include "mflux/ports/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/ports/code.h"
#include "mflux/ports/dump_use.h"

namespace mflux::ports {
namespace {

namespace fs = std::filesystem;
using Kind = Measurement::Kind;

/// The case of "vae_parity.Fixtures/VaeParity.Decode/odd_sizes": Decode. A test without suites,
/// such as "reference.vae", has none.
std::string case_of(const std::string& test) {
  const auto suite = test.find('.');
  const auto name = test.find('.', suite + 1);
  if (suite == std::string::npos || name == std::string::npos) {
    return {};
  }
  return test.substr(name + 1, test.find('/', name) - name - 1);
}

bool still_exists(const fs::path& checkout, const Measurement& one) {
  return fs::is_regular_file(checkout / one.source) &&
         read_file(checkout / one.source).find(case_of(one.test)) != std::string::npos;
}

/// Why the record proves nothing; empty when it does.
std::string objection(
    const fs::path& checkout, const ComponentFile& component, const Record& record) {
  const auto& one = record.measured;
  if (!still_exists(checkout, one)) {
    return fmt::format("{} has gone from {}", one.test, one.source);
  }
  if (record.code != code_hash(checkout, component, one)) {
    return fmt::format(
        "{} was measured on {} ({}) and is older than the code it covers",
        one.test,
        one.date,
        record.commit);
  }
  if (!one.passed) {
    return fmt::format("{} failed when it measured {}", one.test, one.what);
  }
  // A live test has its own bound: a model drawn anew may be one on which torch errs as much.
  if (one.kind == Kind::fixture && one.rel_l2 > component.tolerance) {
    return fmt::format(
        "{}: rel_l2 {:.1e} at {}, tolerance {:.1e}",
        one.test,
        one.rel_l2,
        one.worst,
        component.tolerance);
  }
  return {};
}

bool misses_peak(const ComponentStatus& status) {
  const auto& most = status.component.targets.peak_ratio;
  return most && std::any_of(status.memory.begin(), status.memory.end(), [&](const Record& record) {
           return record.measured.ratio > *most;
         });
}

bool meets_speed(const ComponentStatus& status) {
  const auto& target = status.component.targets.milliseconds;
  return target && !status.speed.empty() &&
         std::all_of(status.speed.begin(), status.speed.end(), [&](const Record& record) {
           return record.measured.milliseconds <= *target;
         });
}

State state_of(const ComponentStatus& status, bool all_parity_holds) {
  if (status.parity.empty() || !all_parity_holds) {
    return status.schemas.empty() ? State::declared : State::loads;
  }
  if (status.locked_by.empty()) {
    return State::matches;
  }
  return meets_speed(status) ? State::optimised : State::locked;
}

void add_new(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) {
    list.push_back(text);
  }
}

void take(ComponentStatus& status, const Record& record) {
  switch (record.measured.kind) {
    case Kind::schema:
      status.schemas.push_back(record);
      break;
    case Kind::fixture:
      add_new(status.locked_by, record.measured.test);
      status.parity.push_back(record);
      break;
    case Kind::live:
      status.parity.push_back(record);
      break;
    case Kind::speed:
      status.speed.push_back(record);
      break;
    case Kind::memory:
      status.memory.push_back(record);
      break;
  }
}

ComponentStatus status_of(
    const fs::path& checkout, const PortFile& port, const ComponentFile& component) {
  ComponentStatus status{.component = component};
  bool all_parity_holds = true;
  for (const auto& record : read_records(checkout, port, component)) {
    const auto kind = record.measured.kind;
    const auto text = objection(checkout, component, record);
    if (text.empty()) {
      take(status, record);
    } else {
      add_new(status.problems, text);
      all_parity_holds &= kind != Kind::fixture && kind != Kind::live;
    }
  }
  status.state = state_of(status, all_parity_holds);
  if (misses_peak(status)) {
    status.problems.push_back(fmt::format(
        "takes more than {} times the memory that its plan estimates",
        *component.targets.peak_ratio));
  }
  for (auto& use : dump_uses(checkout, covered_code(checkout, component.code))) {
    status.problems.push_back(std::move(use));
  }
  return status;
}

PortStatus status_of(const fs::path& checkout, const PortFile& port) {
  PortStatus status{.port = port, .components = {}, .problems = {}};
  with_context((port.folder / "port.toml").string(), [&] {
    for (const auto& component : port.components) {
      status.components.push_back(
          with_context(component.name, [&] { return status_of(checkout, port, component); }));
    }
  });
  std::set<std::string> expected;
  for (const auto& component : port.components) {
    expected.insert(component.name + ".json");
  }
  const auto results = checkout / port.folder / "results";
  if (fs::is_directory(results)) {
    for (const auto& entry : fs::directory_iterator(results)) {
      if (const auto name = entry.path().filename().string(); !expected.contains(name)) {
        status.problems.push_back(fmt::format("results/{} is of no component of port.toml", name));
      }
    }
  }
  return status;
}

} // namespace

std::string name_of(State state) {
  constexpr const char* kNames[] = {"declared", "loads", "matches", "locked", "optimised"};
  return kNames[static_cast<int>(state)];
}

const Record* ComponentStatus::worst() const {
  const auto found =
      std::max_element(parity.begin(), parity.end(), [](const Record& a, const Record& b) {
        return a.measured.rel_l2 < b.measured.rel_l2;
      });
  return found == parity.end() ? nullptr : &*found;
}

std::vector<std::string> Status::all_problems() const {
  std::vector<std::string> all = problems;
  for (const auto& port : ports) {
    for (const auto& problem : port.problems) {
      all.push_back(fmt::format("{}: {}", port.port.name, problem));
    }
    for (const auto& component : port.components) {
      for (const auto& problem : component.problems) {
        all.push_back(fmt::format("{} {}: {}", port.port.name, component.component.name, problem));
      }
    }
  }
  return all;
}

Status status_of(const fs::path& checkout, const std::vector<std::string>& registered) {
  Status status;
  std::set<std::string> described;
  for (const auto& port : read_port_files(checkout)) {
    status.ports.push_back(status_of(checkout, port));
    if (!described.insert(port.name).second) {
      status.problems.push_back(fmt::format("{}: two port.toml describe it", port.name));
    }
    if (std::find(registered.begin(), registered.end(), port.name) == registered.end()) {
      status.ports.back().problems.push_back(
          "mflux/models/registry.cpp does not register it (build again, or add its line)");
    }
  }
  for (const auto& name : registered) {
    if (!described.contains(name)) {
      status.problems.push_back(
          fmt::format("{}: registered, but no mflux/models/*/port.toml describes it", name));
    }
  }
  return status;
}

} // namespace mflux::ports
