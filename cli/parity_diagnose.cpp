#include <fmt/format.h>

#include <memory>

#include "cli/compare_flags.h"
#include "cli/parity_commands.h"
#include "mflux/parity/diagnose/diagnose.h"
#include "mflux/parity/output/diagnosis_output.h"

namespace mflux::cli {
namespace {

Exit run_diagnose(const CompareFlags& flags, const Session& session) {
  const auto result = parity::compare(options_of(flags));
  const auto diagnosis = parity::diagnose(result);
  if (session.json) {
    fmt::print("{}\n", parity::to_json(result, diagnosis));
  } else {
    fmt::print("{}", parity::format_diagnosis(result, diagnosis, session.color()));
  }
  return exit_of(result);
}

} // namespace

void add_parity_diagnose(CLI::App& parity, Session& session) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* command = parity.add_subcommand(
      "diagnose", "Name the cause of the first divergence, with its proof and the fix in MLX");
  add_compare_flags(*command, *flags);
  command->footer(
      "A cause is named only when it was applied and explains the error: docs/DIAGNOSIS.md lists "
      "them all.\n"
      "Dump the modules' inputs too: then an error that came in is never blamed on a module.\n"
      "Example: mflux parity diagnose debug_artifacts/demo\n"
      "         mflux parity diagnose ref.npz mlx.npz --json\n"
      "Exit code as compare's: 0 all pass, 1 they do not, 2 unreadable.");
  command->callback([flags, &session] {
    session.work = [flags, &session] { return run_diagnose(*flags, session); };
  });
}

} // namespace mflux::cli
