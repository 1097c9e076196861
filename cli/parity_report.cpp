#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/compare_flags.h"
#include "cli/output_names.h"
#include "cli/parity_commands.h"
#include "mflux/base/artifacts_folder.h"
#include "mflux/base/atomic_file.h"
#include "mflux/base/error.h"
#include "mflux/parity/diagnose/diagnose.h"
#include "mflux/parity/output/diagnosis_output.h"
#include "mflux/parity/output/result_json.h"
#include "mflux/parity/output/table.h"
#include "mflux/parity/places.h"
#include "mflux/parity/report/report.h"

namespace mflux::cli {
namespace {

struct ReportFlags {
  CompareFlags compare;
  std::string out, json, junit;
  bool table = false, no_diagnosis = false;
};

/// Where the page goes: into the run folder, or here.
std::filesystem::path page_path(const ReportFlags& flags) {
  if (!flags.out.empty()) {
    return flags.out;
  }
  const std::filesystem::path run = flags.compare.first;
  return flags.compare.second.empty() ? run / "report.html" : "report.html";
}

/// Without links, also of what is not there yet.
std::filesystem::path resolved(const std::filesystem::path& path) {
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path));
}

bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto relative = resolved(path).lexically_relative(resolved(folder));
  return !relative.empty() && *relative.begin() != "..";
}

/// Before anything is read: no output may be what is compared, or another output.
void check_outputs(const ReportFlags& flags, const std::vector<std::filesystem::path>& outputs) {
  const auto places = parity::locate(options_of(flags.compare));
  std::vector<std::filesystem::path> inputs = {places.ref, places.port};
  if (places.ref32) {
    inputs.push_back(*places.ref32);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    for (const auto& input : inputs) {
      if (lies_in(outputs[i], input)) {
        throw Error(fmt::format(
            "{} would be written into {}, which is compared: choose another place",
            outputs[i].string(),
            input.string()));
      }
    }
    for (size_t j = 0; j < i; ++j) {
      if (lies_in(outputs[i], outputs[j])) {
        throw Error(fmt::format("{} is given for two outputs", outputs[i].string()));
      }
    }
    check_can_write(outputs[i], 0);
  }
}

Exit run_report(const ReportFlags& flags, const Session& session) {
  const auto page = page_path(flags);
  std::vector<std::filesystem::path> outputs = {page};
  for (const auto& path : {flags.json, flags.junit}) {
    if (!path.empty()) {
      outputs.emplace_back(path);
    }
  }
  check_outputs(flags, outputs);
  const auto result = parity::compare(options_of(flags.compare));
  std::optional<parity::Diagnosis> diagnosis;
  if (!flags.no_diagnosis) {
    diagnosis = parity::diagnose(result);
  }
  const parity::Diagnosis* found = diagnosis ? &*diagnosis : nullptr;
  const auto json = [&] {
    return (found ? parity::to_json(result, *found) : parity::to_json(result)) + "\n";
  };
  write_file(page, parity::report_html(result, {MFLUX_VERSION, flags.compare.threads, found}));
  ignore_artifacts(page);
  if (!flags.json.empty()) {
    write_file(flags.json, json());
  }
  if (!flags.junit.empty()) {
    write_file(flags.junit, parity::report_junit(result, found));
  }
  if (session.json) {
    fmt::print("{}", json());
    return exit_of(result);
  }
  const bool colour = session.color();
  fmt::print(
      "{}report: {}\n",
      flags.table ? parity::format_table(result, {colour, false})
                  : parity::format_verdict(result, colour),
      printable(page.string()));
  return exit_of(result);
}

} // namespace

void add_parity_report(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command = parity.add_subcommand(
      "report",
      "Compare and diagnose, and write the result as one HTML page that needs no network; also "
      "JSON and JUnit. An older report is replaced");
  add_compare_flags(*command, flags->compare);
  command->add_option(
      "-o,--out", flags->out, "The page (default: RUN/report.html, or report.html)");
  command->add_option(
      "--json", flags->json, "Also the result as JSON, as diagnose --json prints it");
  command->add_option(
      "--junit",
      flags->junit,
      "Also JUnit XML: a test per checkpoint; what only carries an earlier error on is skipped");
  command->add_flag("--table", flags->table, "Print what compare prints, not its last line alone");
  command->add_flag(
      "--no-diagnosis", flags->no_diagnosis, "Only compare: name no cause, as compare does not");
  command->footer(
      "Example: mflux parity report debug_artifacts/demo --junit parity.xml\n"
      "         mflux parity report ref.npz mlx.npz --out report.html --json result.json\n"
      "Exit code as compare's, so that CI needs this command alone: 0 all pass, 1 they do not, "
      "2 unreadable.");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_report(*flags, session); };
  });
}

} // namespace mflux::cli
