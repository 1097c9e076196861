#include <fmt/format.h>

#include <memory>

#include "cli/compare_flags.h"
#include "cli/parity_commands.h"
#include "mflux/parity/output/result_json.h"
#include "mflux/parity/output/table.h"

namespace mflux::cli {
namespace {

struct TableFlags {
  CompareFlags compare;
  bool all = false;
};

Exit run_compare(const TableFlags& flags, const Session& session) {
  const auto result = parity::compare(options_of(flags.compare));
  if (session.json) {
    fmt::print("{}\n", parity::to_json(result));
  } else if (session.quiet) {
    fmt::print("{}", parity::format_verdict(result, session.color()));
  } else {
    fmt::print("{}", parity::format_table(result, {session.color(), flags.all}));
  }
  return exit_of(result);
}

} // namespace

void add_parity_compare(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<TableFlags>();
  CLI::App* command = parity.add_subcommand(
      "compare",
      "Compare the dump of a port with its reference's: table, first divergence, verdict");
  add_compare_flags(*command, flags->compare);
  command->add_flag("--all", flags->all, "List every checkpoint, however many pass");
  command->footer(
      "Example: mflux parity compare ref.npz mlx.npz\n"
      "         mflux parity compare debug_artifacts/demo --allow-missing 'vae.encode*'\n"
      "--quiet prints the verdict line alone.\n"
      "Exit code: 0 all pass, 1 they do not, 2 unreadable.");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_compare(*flags, session); };
  });
}

} // namespace mflux::cli
