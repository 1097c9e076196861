#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/find_model.h"
#include "cli/weights_commands.h"
#include "mflux/base/error.h"
#include "mflux/base/log.h"
#include "mflux/models/registry.h"
#include "mflux/weights/checkpoint.h"
#include "mflux/weights/weights.h"

namespace mflux::cli {
namespace {

namespace fs = std::filesystem;

struct CheckFlags {
  std::string family, folder;
  bool strict = false;
};

/// What was found of one component.
struct Report {
  std::string component;
  fs::path file;
  std::string unreadable; ///< why, if it is
  size_t declared = 0, tensors = 0;
  Fit fit;
  std::vector<std::string> config_remarks; ///< unknown keys
};

/// Runs `work`, keeping the library's warnings for the report.
template <typename Work>
void with_remarks(std::vector<std::string>& remarks, Work&& work) {
  set_log_sink([&](LogLevel level, const std::string& message) {
    if (level == LogLevel::warning) {
      remarks.push_back(message);
    }
  });
  try {
    work();
  } catch (...) {
    set_log_sink({});
    throw;
  }
  set_log_sink({});
}

Report check_component(const models::WeightsComponent& component, const fs::path& folder) {
  Report report;
  report.component = component.name;
  report.file = folder;
  try {
    with_remarks(report.config_remarks, [&] {
      if (!fs::is_directory(folder)) {
        throw Error(fmt::format("{} does not exist", folder.string()));
      }
      const auto declared = component.declare(folder);
      report.file = weights_file(folder);
      const auto checkpoint = open_checkpoint(report.component, report.file);
      report.declared = declared.parameters.size();
      report.tensors = checkpoint.artifact->tensors().size();
      report.fit = check_fit(declared, *checkpoint.artifact);
    });
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    report.unreadable = one_line(error);
  }
  return report;
}

/// A model's folder has its components in subfolders; a component's own is called like it.
std::vector<Report> check_all(const models::Port& port, const fs::path& folder) {
  std::vector<Report> reports;
  const auto own = fs::canonical(folder).filename().string();
  for (const auto& component : port.weights) {
    if (holds_weights(folder) && own == component.name) {
      return {check_component(component, folder)};
    }
    reports.push_back(check_component(component, folder / component.name));
  }
  return reports;
}

Exit exit_of(const std::vector<Report>& reports, bool strict) {
  Exit worst = kSuccess;
  for (const auto& report : reports) {
    if (!report.unreadable.empty()) {
      return kUsage;
    }
    if (!report.fit.misfits.empty() || (strict && !report.config_remarks.empty())) {
      worst = kAnswerIsNo;
    }
  }
  return worst;
}

Json to_json(const Report& report) {
  Json problems = Json::array();
  for (const auto& [kind, name, detail] : report.fit.misfits) {
    problems.push_back({{"kind", kind}, {"name", name}, {"detail", detail}});
  }
  return {
      {"component", report.component},
      {"file", report.file.string()},
      {"unreadable", report.unreadable.empty() ? Json(nullptr) : Json(report.unreadable)},
      {"declared", report.declared},
      {"tensors", report.tensors},
      {"problems", std::move(problems)},
      {"unused_by_design", report.fit.unused_by_design},
      {"config_remarks", report.config_remarks}};
}

void print_text(const Report& report, bool strict, bool quiet) {
  for (const auto& remark : report.config_remarks) {
    fmt::print("{}: {}\n", strict ? "problem" : "remark", printable(remark));
  }
  if (!report.unreadable.empty()) {
    fmt::print("{}: unreadable: {}\n", report.component, report.unreadable);
    return;
  }
  const auto& [misfits, by_design] = report.fit;
  fmt::print(
      "{}: {} parameters declared, {} tensors in {}: {}\n",
      report.component,
      report.declared,
      report.tensors,
      printable(report.file.filename().string()),
      misfits.empty() ? "all fit" : fmt::format("{} problems", misfits.size()));
  for (const auto& [kind, name, detail] : misfits) {
    fmt::print("  {}: {} {}\n", kind, printable(name), printable(detail));
  }
  if (!by_design.empty() && !quiet) {
    fmt::print(
        "  {} unused by design: {}\n",
        by_design.size(),
        printable(fmt::format("{}", fmt::join(by_design, ", "))));
  }
}

Exit check(const CheckFlags& flags, const Session& session, const models::Port& port) {
  const auto reports = check_all(port, find_model(flags.folder));
  const Exit code = exit_of(reports, flags.strict);
  if (session.json) {
    Json components = Json::array();
    for (const auto& report : reports) {
      components.push_back(to_json(report));
    }
    print_json(
        {{"schema", 1},
         {"model", flags.family},
         {"ok", code == kSuccess},
         {"components", std::move(components)}});
    return code;
  }
  for (const auto& report : reports) {
    print_text(report, flags.strict, session.quiet);
  }
  return code;
}

/// What the port asks of the published model.
Exit print_schema(const CheckFlags& flags, const Session& session, const models::Port& port) {
  Json components = Json::object();
  for (const auto& component : port.weights) {
    Json parameters = Json::object();
    for (const auto& [name, shape] : component.declare({}).parameters) {
      const artifacts::Shape plain(shape.begin(), shape.end());
      parameters[name] = plain;
      if (!session.json) {
        fmt::print("{}: {} {}\n", component.name, name, artifacts::to_string(plain));
      }
    }
    components[std::string(component.name)] = std::move(parameters);
  }
  if (session.json) {
    print_json({{"schema", 1}, {"model", flags.family}, {"components", std::move(components)}});
  }
  return kSuccess;
}

Exit run(const CheckFlags& flags, const Session& session) {
  const auto& port = models::find_port(flags.family);
  return flags.folder.empty() ? print_schema(flags, session, port) : check(flags, session, port);
}

} // namespace

void add_weights_check(CLI::App& weights, Session& session) {
  auto flags = std::make_shared<CheckFlags>();
  auto* command = weights.add_subcommand(
      "check",
      "Headers, shards and index, then every parameter a port declares against every tensor");
  command->add_option("MODEL", flags->family, "Model family, such as flux2-klein")->required();
  command->add_option(
      "DIR",
      flags->folder,
      "A model's folder, or one component's; without it the published model's schema is printed");
  command->add_flag("--strict", flags->strict, "Unknown keys of a config.json are problems too");
  command->footer(
      "Exit code: 0 all fit, 1 problems, 2 unreadable.\n"
      "Examples:\n  mflux weights check flux2-klein models/emoji\n  mflux weights check "
      "flux2-klein --json");
  command->callback(
      [&session, flags] { session.work = [&session, flags] { return run(*flags, session); }; });
}

} // namespace mflux::cli
