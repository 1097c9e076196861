#include "cli/parity_commands.h"

namespace mflux::cli {

void add_threads(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "Threads (default: all); the numbers are the same")
      ->check(CLI::Range(0, 1024));
}

void add_parity(CLI::App& app, Session& session) {
  CLI::App* parity = app.add_subcommand("parity", "Compare dumps of a reference and a port");
  parity->require_subcommand(1);
  parity->footer("Example: mflux parity compare ref.npz mlx.npz");
  add_parity_bisect(*parity, session);
  add_parity_compare(*parity, session);
  add_parity_diagnose(*parity, session);
  add_parity_image(*parity, session);
  add_parity_inspect(*parity, session);
  add_parity_ls(*parity, session);
  add_parity_lock(*parity, session);
  add_parity_clean(*parity, session);
  add_parity_try(*parity, session);
  add_parity_report(*parity, session);
}

} // namespace mflux::cli
