#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>

#include "cli/parity_commands.h"
#include "mflux/base/error.h"
#include "mflux/base/json.h"
#include "mflux/base/text_table.h"
#include "mflux/parity/runs/clean.h"

namespace mflux::cli {
namespace {

using parity::CleanPlan;
using parity::Run;

struct CleanFlags {
  std::vector<std::string> runs;
  std::string root, older_than;
  bool yes = false;
};

std::string describe(const CleanPlan& plan) {
  TextTable table;
  for (const auto& run : plan.remove) {
    table.add({{printable(run.id)}, {parity::size_text(run.bytes)}});
  }
  std::string text = table.format(false);
  for (const auto& run : plan.locked) {
    text += fmt::format(
        "kept: {} (locked{})\n",
        printable(run.id),
        run.fixtures.empty() ? "" : ": " + printable(run.fixtures.front()));
  }
  if (!plan.younger.empty()) {
    text += fmt::format("kept: {} younger ones\n", plan.younger.size());
  }
  return text;
}

/// Asks whoever sits at the terminal. Throws Error when nobody does.
bool is_confirmed(const CleanPlan& plan, bool json) {
  if (json) {
    throw Error("--json asks nothing: add --yes");
  }
  if (!isatty(STDIN_FILENO)) {
    throw Error("nobody to ask, since standard input is no terminal: --yes removes without asking");
  }
  fmt::print(stderr, "Remove {}, {}? [y/N] ", plan.remove.size(), parity::size_text(plan.bytes));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Json ids_of(const std::vector<Run>& runs) {
  Json ids = Json::array();
  for (const auto& run : runs) {
    ids.push_back(run.id);
  }
  return ids;
}

void print_json(const CleanPlan& plan) {
  const Json out{
      {"schema", 1},
      {"removed", ids_of(plan.remove)},
      {"bytes", plan.bytes},
      {"kept_locked", ids_of(plan.locked)},
      {"kept_younger", ids_of(plan.younger)}};
  fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Exit run_clean(const CleanFlags& flags, const Session& session) {
  parity::CleanOptions options;
  options.artifacts =
      flags.root.empty() ? parity::find_artifacts(".") : parity::artifacts_at(flags.root);
  options.runs = flags.runs;
  if (!flags.older_than.empty()) {
    options.older_than =
        with_context("--older-than", [&] { return parity::parse_age(flags.older_than); });
  }
  const auto plan = parity::plan_clean(options);
  const bool kept_named = !flags.runs.empty() && !plan.locked.empty();
  if (!session.json) {
    fmt::print("{}", describe(plan));
    std::fflush(stdout);
  }
  if (!plan.remove.empty() && !flags.yes && !is_confirmed(plan, session.json)) {
    fmt::print("Nothing was removed.\n");
    return kAnswerIsNo;
  }
  for (const auto& run : plan.remove) {
    parity::remove_run(options.artifacts, run);
  }
  if (session.json) {
    print_json(plan);
  } else {
    fmt::print("{} removed, {}\n", plan.remove.size(), parity::size_text(plan.bytes));
  }
  return kept_named ? kAnswerIsNo : kSuccess;
}

} // namespace

void add_parity_clean(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<CleanFlags>();
  CLI::App* command = parity.add_subcommand(
      "clean",
      "Remove runs from debug_artifacts/: all, or those named; those with a locked.json stay");
  command->add_option("RUN", flags->runs, "Runs, by id or path");
  command->add_flag("--yes,-y", flags->yes, "Do not ask");
  command->add_option(
      "--older-than", flags->older_than, "Only what has not changed for 30m, 12h, 7d or 2w");
  command->add_option(
      "--root", flags->root, "A debug_artifacts/ or the folder of one, instead of the nearest");
  command->footer(
      "A run's locked.json keeps it: remove that file to unlock the run.\n"
      "Example: mflux parity clean --older-than 7d\n"
      "         mflux parity clean demo --yes\n"
      "Exit code: 0 removed (or nothing to remove), 1 declined or a named run is locked, 2 "
      "refused.");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_clean(*flags, session); };
  });
}

} // namespace mflux::cli
